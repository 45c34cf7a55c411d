/**
 * The follower's judgement of an event (SPEC.md, A1–A6): may it be applied here and now, and what does it
 * lead to? Roots are compared before the commit, inside the same transaction's change. A wrong root does not
 * stop the replica: the drift is kept as a value, which later events don't disturb, so that equality can be
 * told again at a stated position while writes flow.
 */
import {
  type Batch,
  type Digest,
  type EpochStart,
  equalDigest,
  isZeroDigest,
  lastSeqOf,
  type Position,
  xorDigest,
} from '@driftless/contracts';
import { type Change, changeOf, effectOf, laterCollected, type Quarantined } from './change.ts';
import type { Entry, Lookup } from './entry.ts';
import type { ShardState } from './state.ts';

export type Verdict =
  | { kind: 'apply' }
  /** Applied before: ack it. */
  | { kind: 'duplicate' }
  /** Operations are missing in between: fetch the log after `afterSeq` from a peer. */
  | { kind: 'gap'; afterSeq: number }
  /** The new history goes on from before the end of our log: cut it after `afterSeq`. */
  | { kind: 'orphans'; afterSeq: number }
  /** Nothing that may happen: the replica stops applying, visibly. */
  | { kind: 'halt'; reason: string };

/** What to do with a batch that reached a replica standing at `applied`. */
export function judge(batch: Batch, shard: number, applied: Position): Verdict {
  if (batch.shard !== shard)
    return { kind: 'halt', reason: `An event of shard ${batch.shard} is in this stream.` };
  const first = batch.ops[0];
  const startsEpoch = first?.op === 'epoch-started';
  const next = applied.seq + 1;
  if (batch.epoch > applied.epoch) {
    // Only an epoch's first record says where the epoch before it ended; anything later came too early.
    const missed = startsEpoch && first.previous !== undefined && first.previous !== applied.epoch;
    if (!startsEpoch || missed || batch.firstSeq > next) return { kind: 'gap', afterSeq: applied.seq };
    return batch.firstSeq === next ? { kind: 'apply' } : { kind: 'orphans', afterSeq: batch.firstSeq - 1 };
  }
  if (lastSeqOf(batch) <= applied.seq) return { kind: 'duplicate' };
  if (batch.epoch < applied.epoch) {
    const reason = `An event of epoch ${batch.epoch} goes on past the end of that epoch.`;
    return { kind: 'halt', reason };
  }
  if (batch.firstSeq > next) return { kind: 'gap', afterSeq: applied.seq };
  if (batch.firstSeq < next) return { kind: 'halt', reason: 'An event overlaps the end of the log.' };
  return { kind: 'apply' };
}

/** Where our own epoch ended, by a peer's list of epochs; `undefined` while that epoch goes on there. */
export function endOfEpoch(epoch: number, epochs: readonly EpochStart[]): number | undefined {
  const later = epochs.filter((start) => start.epoch > epoch).map((start) => start.firstSeq - 1);
  return later.length === 0 ? undefined : Math.min(...later);
}

export interface DriftFound {
  reason: 'before' | 'after' | 'row';
  /** The key whose row had rotted. */
  key?: string;
}

export interface Applied {
  change: Change;
  /** A digest check that failed at this batch, for the first time. */
  found: DriftFound[];
  /** The drift that was there is gone: equal again at the batch's last position. */
  equalAgain: boolean;
}

/**
 * The change that `batch` makes to a replica in `state`, with the verdict of its digest checks. `stream` is
 * where the event came from, or undefined when a peer's log gave it.
 */
export function applyBatch(
  batch: Batch,
  event: Uint8Array,
  state: ShardState,
  lookup: Lookup,
  stream: { seq: number } | undefined,
): Applied {
  const lastSeq = lastSeqOf(batch);
  const effect = effectOf(batch.ops, batch.epoch, batch.firstSeq, lookup);
  const root = xorDigest(state.root, effect.leafXors.root());
  const driftBefore = xorDigest(state.root, batch.prevRoot);
  const driftAfter = xorDigest(root, batch.postRoot);
  const change = changeOf({
    entries: effect.entries,
    removed: effect.removed,
    leafXors: effect.leafXors,
    answers: effect.answers,
    quarantine: effect.corrupt.map(quarantinedRow),
    log: { firstSeq: batch.firstSeq, lastSeq, epoch: batch.epoch, committedAt: batch.committedAt, event },
    ...(effect.epochStart && { epochStart: effect.epochStart }),
    ...(effect.set && { set: effect.set }),
    state: {
      ...state,
      applied: { epoch: batch.epoch, seq: lastSeq },
      root,
      drift: driftAfter,
      // Rows that are equal now stay so, even if those put back were of later.
      settleSeq: isZeroDigest(driftAfter) ? 0 : state.settleSeq,
      suspect: state.suspect || effect.corrupt.length > 0,
      confirmedSeq: lastSeq,
      // An event that was given out again may come late: the cursor doesn't go back.
      streamSeq: Math.max(stream?.seq ?? 0, state.streamSeq),
      collected: laterCollected(state.collected, effect.collected),
      set: effect.set ?? state.set,
    },
  });
  const settling = lastSeq < state.settleSeq;
  // Roots may differ while settling; a rotten row is never expected.
  const rotten = effect.corrupt.map(({ key }): DriftFound => ({ reason: 'row', key }));
  const found = settling ? rotten : [...rotten, ...rootsFound(state, driftBefore, driftAfter)];
  return { change, found, equalAgain: !isZeroDigest(state.drift) && isZeroDigest(driftAfter) };
}

function rootsFound(state: ShardState, before: Digest, after: Digest): DriftFound[] {
  const found: DriftFound[] = [];
  // A drift that is gone is good news: a leader has stamped our root.
  if (!equalDigest(before, state.drift) && !isZeroDigest(before)) found.push({ reason: 'before' });
  // A drift that shrinks to nothing is good news; any other change of it is drift anew.
  if (!equalDigest(after, before) && !isZeroDigest(after)) found.push({ reason: 'after' });
  return found;
}

export function quarantinedRow(entry: Entry): Quarantined {
  return { kind: 'row', name: entry.key, reason: 'Its bytes do not have its digest.', bytes: entry.value };
}
