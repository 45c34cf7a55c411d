/**
 * One ordered listing out of one ordered page a shard: a k-way merge by the bytes of the keys. Shards list
 * lazily: an entry may leave only while every shard either has its next entry at hand or has no more, so the
 * merge says whose next page it needs, and the caller fetches those.
 */
import { Buffer } from 'node:buffer';
import { assert } from './assert.ts';

export interface Keyed {
  readonly key: string;
}

interface Source<Entry extends Keyed> {
  entries: Entry[];
  next: number;
  /** Last key that was fetched: where the next page begins. */
  after: string;
  more: boolean;
}

export class ListMerge<Entry extends Keyed> {
  readonly #sources: Source<Entry>[];

  /** All shards begin after `after` (empty: at the start). */
  constructor(shardCount: number, after: string) {
    this.#sources = Array.from({ length: shardCount }, () => ({ entries: [], next: 0, after, more: true }));
  }

  /** Shards whose next page is needed before anything can leave, with where it begins. */
  needs(): { shard: number; after: string }[] {
    return this.#sources.flatMap(({ entries, next, after, more }, shard) =>
      next === entries.length && more ? [{ shard, after }] : [],
    );
  }

  supply(shard: number, entries: readonly Entry[], more: boolean): void {
    const source = this.#sources[shard] as Source<Entry>;
    assert(source.next === source.entries.length, 'a page was supplied that nobody needs');
    assert(!more || entries.length > 0, 'an empty page promises more');
    source.entries = [...entries];
    source.next = 0;
    source.more = more;
    source.after = entries.at(-1)?.key ?? source.after;
  }

  /** The next entry; undefined when a page is needed first, or at the end. */
  take(): Entry | undefined {
    if (this.#sources.some(({ entries, next, more }) => next === entries.length && more)) return undefined;
    let best: Source<Entry> | undefined;
    for (const source of this.#sources) {
      const entry = source.entries[source.next];
      const least = best?.entries[best.next];
      if (entry && (least === undefined || compareKeys(entry.key, least.key) < 0)) best = source;
    }
    if (best === undefined) return undefined;
    best.next += 1;
    return best.entries[best.next - 1];
  }

  /** Nothing is left anywhere. */
  get ended(): boolean {
    return this.#sources.every(({ entries, next, more }) => next === entries.length && !more);
  }
}

/** Order of the keys' UTF-8 bytes, which is not the order of JavaScript's UTF-16 strings. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}
