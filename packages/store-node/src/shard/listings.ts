/**
 * What the last listings of buckets saw, so that what follows a listing (heads of some of its rows, repairs
 * of a few) looks at those rows alone and not at whole buckets again. It keeps buckets that were sound:
 * all rows together have the leaf. Of a bucket something is known only as long as its
 * leaf stands where it stood: whatever writes a row by an event moves the leaf, and whoever writes one
 * otherwise has the bucket forgotten.
 */
import { type Digest, equalDigest } from '@driftless/contracts';
import type { ShardStore } from '../store/port.ts';

/** Rows whose names are kept, of all buckets together. */
export const namesMax = 20_000;
/** How long after the last listing, milliseconds. */
export const namesKeptMs = 60_000;

export interface ListedBucket {
  store: ShardStore;
  /** As it was then. */
  leaf: Digest;
  /** By the hash that names the row; no two rows have the same. */
  keys: ReadonlyMap<string, string>;
}

export class Listings {
  readonly #buckets = new Map<number, ListedBucket>();
  #names = 0;
  #until = 0;

  keep(bucket: number, listed: ListedBucket, now: number): void {
    this.forget(bucket);
    this.#buckets.set(bucket, listed);
    this.#names += listed.keys.size;
    this.#until = now + namesKeptMs;
    for (const oldest of this.#buckets.keys()) {
      if (this.#names <= namesMax) return;
      this.forget(oldest);
    }
  }

  /** What is known of the bucket and still so. */
  of(store: ShardStore, bucket: number): ListedBucket | undefined {
    const listed = this.#buckets.get(bucket);
    return listed?.store === store && equalDigest(listed.leaf, store.leaf(bucket)) ? listed : undefined;
  }

  forget(bucket: number): void {
    this.#names -= this.#buckets.get(bucket)?.keys.size ?? 0;
    this.#buckets.delete(bucket);
  }

  /** Time passes: what is too old goes. */
  tick(now: number): void {
    if (now < this.#until || this.#names === 0) return;
    for (const bucket of [...this.#buckets.keys()]) this.forget(bucket);
  }
}
