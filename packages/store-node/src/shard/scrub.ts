/**
 * The scrub walks over the buckets and audits each (audit.ts), so that rot is found although nobody wrote
 * or read. In the background it goes at the pace of so many rows a second, round after round. At once it
 * looks at all buckets, or at some, when somebody asks, and when anything may be wrong after a restart. It
 * heals nothing: what it finds is suspect (soundness.ts), which takes a replica out of service, and an
 * exchange with a peer repairs it.
 */
import {
  bucketCount,
  equalDigest,
  formatDigest,
  isZeroDigest,
  type ScrubAnswer,
  xorInto,
} from '@driftless/contracts';
import type { Entry } from '../core/entry.ts';
import { auditBucket, auditRows, type BucketAudit, burstRows, corruptKeysMax } from './audit.ts';
import type { ShardContext } from './context.ts';
import { checkLeaves, checkPosition, checkStamp } from './self-check.ts';

/** How often roots are compared and suspect buckets are looked at again, milliseconds. */
const checkEveryMs = 1000;
/** What looking at a bucket costs besides its rows, in rows. */
const bucketCost = 0.25;
/** Rows that are waited for, so that one look at the disk is worth its cost; no longer than a second. */
const walkRows = 50;
/** Suspect buckets looked at in one turn; an event may have overwritten what was wrong. */
const suspectsAtOnce = 16;

export interface ScrubProgress {
  /** Of the round under way, 0 to 100. */
  percent: number;
  /** When the last whole round ended, milliseconds since the Unix epoch; absent before the first. */
  lastCompletedAt?: number;
}

export class Scrub {
  readonly #context: ShardContext;
  readonly #rowsPerSecond: number;
  #bucket = 0;
  /** Rows that may be looked at now; negative after a large bucket. */
  #credit = 0;
  #turnedAt: number;
  #checkedAt: number;
  #stampCheckedSeq = 0;
  #lastCompletedAt: number | undefined;
  #isRunning = false;

  constructor(context: ShardContext) {
    this.#context = context;
    this.#rowsPerSecond = context.limits.scrubRowsPerSecond;
    this.#turnedAt = context.clock.monotonic();
    this.#checkedAt = this.#turnedAt;
  }

  get progress(): ScrubProgress {
    const percent = Math.floor((100 * this.#bucket) / bucketCount);
    return {
      percent,
      ...(this.#lastCompletedAt !== undefined && { lastCompletedAt: this.#lastCompletedAt }),
    };
  }

  /** A little of the walk, as much as time has passed since the last turn. */
  turn(): void {
    const context = this.#context;
    const now = context.clock.monotonic();
    const passedMs = now - this.#turnedAt;
    this.#turnedAt = now;
    if (context.halted !== undefined || context.restoring || context.isBlank) return;
    checkPosition(context);
    if (context.soundness.isEverythingSuspect) {
      if (!this.#isRunning) void this.run().catch((error) => this.#failed(error));
      return;
    }
    if (now - this.#checkedAt >= checkEveryMs) this.#check(now, now - this.#checkedAt);
    const credit = this.#credit + (passedMs * this.#rowsPerSecond) / 1000;
    // A process that was paused doesn't make up for it at once.
    this.#credit = Math.min(credit, this.#rowsPerSecond);
    this.#walk();
  }

  /** All buckets, or some, at once, giving way to other work in between. */
  async run(buckets?: readonly number[]): Promise<Omit<ScrubAnswer, 'node'>> {
    this.#isRunning = true;
    try {
      return await this.#run(buckets);
    } finally {
      this.#isRunning = false;
    }
  }

  /** A replica that was closed meanwhile needs no scrub; anything else is a fault. */
  #failed(error: unknown): void {
    if (!this.#context.isClosed) throw error;
  }

  /** On from the bucket where it stands, until its credit is used up. */
  #walk(): void {
    const context = this.#context;
    if (this.#credit <= 0 || this.#credit < Math.min(walkRows, this.#rowsPerSecond)) return;
    const { store } = context;
    const found: BucketAudit[] = [];
    const look = (rows: readonly Entry[]): void => {
      this.#credit -= bucketCost + rows.length;
      found.push(auditRows(this.#bucket, store.leaf(this.#bucket), rows));
      this.#bucket += 1;
    };
    const lookAtEmpty = (end: number): void => {
      while (this.#credit > 0 && this.#bucket < end) look([]);
    };
    for (const [bucket, rows] of store.buckets(this.#bucket)) {
      // An index that has rotted may name any bucket.
      lookAtEmpty(Math.min(bucket, bucketCount));
      if (this.#credit <= 0 || bucket !== this.#bucket) break;
      look(rows);
      if (this.#credit <= 0) break;
    }
    lookAtEmpty(bucketCount);
    note(context, found);
    if (this.#bucket < bucketCount) return;
    this.#bucket = 0;
    this.#lastCompletedAt = context.clock.wall();
  }

  #check(now: number, sinceMs: number): void {
    const context = this.#context;
    const { seq } = context.state.applied;
    this.#checkedAt = now;
    // Once where the replica rests; while it moves, each event checks the one before it.
    if (seq !== this.#stampCheckedSeq) checkStamp(context);
    this.#stampCheckedSeq = seq;
    checkLeaves(context, sinceMs);
    const some = context.soundness.suspects.slice(0, suspectsAtOnce);
    note(
      context,
      some.map((bucket) => auditBucket(context.store, bucket)),
    );
  }

  async #run(buckets: readonly number[] | undefined): Promise<Omit<ScrubAnswer, 'node'>> {
    const context = this.#context;
    checkPosition(context);
    const asked = buckets ?? Array.from({ length: bucketCount }, (_, bucket) => bucket);
    let { store } = context;
    let total = new Total();
    let since = 0;
    for (let i = 0; i < asked.length; i += 1) {
      const audit = auditBucket(store, asked[i] as number);
      since += Math.max(1, audit.rows);
      total.add(audit);
      note(context, [audit]);
      if (since < burstRows) continue;
      await context.clock.turn();
      since = 0;
      // A snapshot may have taken the place of what was looked at so far.
      if (context.store !== store) [store, total, i] = [context.store, new Total(), -1];
    }
    checkStamp(context);
    if (buckets === undefined) context.soundness.auditedAll();
    return total.answer(context);
  }
}

/**
 * What was found in several buckets, each at its own commit. A gap between rows and leaf stays the same
 * while writes move both, so all gaps together are the one between rows and leaves now.
 */
class Total {
  readonly #gap = new Uint8Array(16);
  readonly #corruptKeys: string[] = [];
  #entries = 0;
  #sound = true;

  add({ gap, rows, corruptKeys, sound }: BucketAudit): void {
    xorInto(this.#gap, gap);
    this.#entries += rows;
    this.#sound &&= sound;
    this.#corruptKeys.push(...corruptKeys.slice(0, corruptKeysMax - this.#corruptKeys.length));
  }

  answer({ shard, state, store }: ShardContext): Omit<ScrubAnswer, 'node'> {
    const leavesRoot = store.leavesRoot();
    const rowsRoot = store.leavesRoot();
    xorInto(rowsRoot, this.#gap);
    return {
      shard,
      position: state.applied,
      entries: this.#entries,
      keptRoot: formatDigest(state.root),
      rowsRoot: formatDigest(rowsRoot),
      leavesRoot: formatDigest(leavesRoot),
      corruptKeys: this.#corruptKeys,
      sound: this.#sound && equalDigest(leavesRoot, state.root),
    };
  }
}

/** Tells the replica what audits found; what is new of it is told once for all of them. */
export function note(context: ShardContext, audits: readonly BucketAudit[]): void {
  const { soundness } = context;
  let unseenMs = 0;
  const fresh = audits.filter((audit) => {
    const isNew = soundness.audited(audit);
    if (isNew) unseenMs = Math.max(unseenMs, soundness.unseenMs(audit.bucket));
    return isNew;
  });
  if (fresh.length === 0) return;
  const key = fresh.flatMap(({ corruptKeys }) => corruptKeys)[0];
  const leaves = fresh.filter(({ gap }) => !isZeroDigest(gap)).length;
  const reason =
    leaves > 0
      ? `An audit found ${leaves} buckets whose rows do not have their leaf.`
      : 'An audit found a row whose bytes do not have the digest kept beside them.';
  const at = context.state.applied;
  // That something is wrong was known before; now it has a name.
  const afterMs = soundness.isEverythingSuspect ? undefined : unseenMs;
  const found = { by: 'audit' as const, ...(afterMs !== undefined && { afterMs }) };
  context.noteDrift({ at, reason, ...(key !== undefined && { key }) }, found);
}
