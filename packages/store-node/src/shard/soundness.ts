/**
 * What a replica knows of its own soundness: the buckets that hold something else than they should, as far
 * as that was met, and since when. An exchange (anti-entropy) looks at them besides those that the trees
 * tell.
 *
 * The names of suspect buckets are in memory; on disk stands only that there are some (`state.suspect`). So
 * after a restart everything is suspect until each bucket was audited. The replica is sound again when the
 * last suspect bucket was audited and found sound, and the leaves have the root that is kept with the
 * state.
 */
import {
  bucketCount,
  bucketOf,
  type Digest,
  equalDigest,
  isZeroDigest,
  xorDigest,
} from '@driftless/contracts';
import { quarantinedRow } from '../core/apply.ts';
import { changeOf } from '../core/change.ts';
import type { Entry } from '../core/entry.ts';
import type { ShardState } from '../core/state.ts';
import type { BucketAudit } from './audit.ts';
import type { ShardContext } from './context.ts';

export class Soundness {
  readonly #context: ShardContext;
  readonly #suspects = new Set<number>();
  #everything: boolean;
  /** When each bucket was found sound last, monotonic milliseconds. */
  readonly #soundAt: Float64Array;
  /** A drift that was shown to be none of this replica's, and where. */
  #acquitted: { seq: number; drift: Digest } | undefined;

  constructor(context: ShardContext) {
    this.#context = context;
    this.#everything = context.state.suspect;
    this.#soundAt = new Float64Array(bucketCount).fill(context.clock.monotonic());
  }

  /** Another replica has taken the place of this one. */
  replaced(): void {
    this.#suspects.clear();
    this.#everything = this.#context.state.suspect;
    this.#soundAt.fill(this.#context.clock.monotonic());
  }

  /** Suspect buckets, in no order. */
  get suspects(): number[] {
    return [...this.#suspects];
  }

  /** Something is known against this bucket, or it may be one of those that nobody has named yet. */
  isSuspect(bucket: number): boolean {
    return this.#everything || this.#suspects.has(bucket);
  }

  get suspectCount(): number {
    return this.#suspects.size;
  }

  /** Any bucket may be unsound: none of them was named yet. */
  get isEverythingSuspect(): boolean {
    return this.#everything;
  }

  /** The row's bytes don't have its digest: it is set aside, and this replica goes out of service. */
  foundRotten(entry: Entry, reason: string): void {
    const context = this.#context;
    const { state } = context;
    const bucket = bucketOf(entry.key);
    const afterMs = this.unseenMs(bucket);
    this.#suspects.add(bucket);
    context.commit(changeOf({ quarantine: [quarantinedRow(entry)], state: { ...state, suspect: true } }));
    context.noteDrift({ at: state.applied, key: entry.key, reason }, { by: 'read', afterMs });
  }

  /** An event has overwritten a rotten row of this bucket; the state says already that something is wrong. */
  suspect(bucket: number): void {
    this.#suspects.add(bucket);
  }

  /** The leaves don't have the root: one of them is wrong, and only an audit of all can tell which. */
  suspectEverything(): void {
    this.#everything = true;
    this.#markSuspect();
  }

  /** What an audit found; true when the bucket was not known to be unsound. */
  audited({ bucket, sound }: BucketAudit): boolean {
    if (sound) {
      this.#soundAt[bucket] = this.#context.clock.monotonic();
      if (this.#suspects.delete(bucket)) this.#settle();
      return false;
    }
    const isNew = !this.#suspects.has(bucket);
    this.#suspects.add(bucket);
    this.#markSuspect();
    return isNew;
  }

  /** Every bucket was audited: what is suspect is known by name. */
  auditedAll(): void {
    this.#everything = false;
    if (this.#suspects.size === 0) this.#mendRoot();
    this.#settle();
  }

  /** How long ago this bucket was found sound, milliseconds: so long damage in it may have been there. */
  unseenMs(bucket: number): number {
    return this.#context.clock.monotonic() - (this.#soundAt[bucket] as number);
  }

  /** This replica's drift is that of a wrong stamp: see exchange-runs.ts. */
  acquit(): void {
    const { applied, drift } = this.#context.state;
    this.#acquitted = { seq: applied.seq, drift };
  }

  /** It was acquitted of the drift that it has, and has applied nothing since. */
  isAcquitted({ applied, drift, suspect }: ShardState): boolean {
    const acquitted = this.#acquitted;
    return (
      acquitted !== undefined &&
      !suspect &&
      acquitted.seq === applied.seq &&
      equalDigest(acquitted.drift, drift)
    );
  }

  #markSuspect(): void {
    const { state } = this.#context;
    if (!state.suspect) this.#context.commit(changeOf({ state: { ...state, suspect: true } }));
  }

  /** Rows and leaves are of one mind: if the root is not, the root is what is wrong. */
  #mendRoot(): void {
    const { state, store, logger, shard } = this.#context;
    const root = store.leavesRoot();
    if (equalDigest(root, state.root)) return;
    const drift = xorDigest(root, xorDigest(state.root, state.drift));
    logger.error({ shard, position: state.applied }, 'the root was not that of the rows; it is put right');
    this.#context.commit(changeOf({ state: { ...state, root, drift } }));
  }

  #settle(): void {
    const { state, store, logger, shard } = this.#context;
    if (!state.suspect || this.#everything || this.#suspects.size > 0) return;
    if (!equalDigest(store.leavesRoot(), state.root)) return;
    this.#context.commit(changeOf({ state: { ...state, suspect: false } }));
    const what = isZeroDigest(state.drift)
      ? 'proven sound; in service again'
      : 'proven sound, and still drifted';
    logger.info({ shard, position: state.applied }, what);
  }
}
