/**
 * The cut of a deposed leader (SPEC.md, C1–C4): what its log has past the end of its epoch are orphans. They
 * are set aside, the log is cut, and every key they touched is put back as the current history has it. A row
 * put back may be newer than the cut (somebody wrote the key since); it is written again, in order, while the
 * events in between are applied, so digests are only equal from the newest such row on: `settleSeq`. A key
 * that has no row any more may have lost it since the cut, to a record that removed it for good; then they
 * are equal from that record on. The replica set is again the one that was in force at the cut.
 *
 * An orphaned record of removals is no orphan to keep: nobody asked for it. The rows it removed come back.
 */
import { type Batch, type EpochStart, isZeroDigest, type Operation, xorDigest } from '@driftless/contracts';
import { type Change, changeOf, leafXorsOf, type Orphan } from './change.ts';
import type { Entry, Lookup } from './entry.ts';
import { isBrokenBy } from './mutants.ts';
import { type ReplicaSet, type ShardState, unknownSet } from './state.ts';

/** Keys that the orphans touched: what has to be asked of a peer. */
export function touchedKeys(orphaned: readonly Batch[]): string[] {
  return [...new Set(orphaned.flatMap((batch) => batch.ops.flatMap(keysOf)))];
}

function keysOf(operation: Operation): string[] {
  if ('key' in operation) return [operation.key];
  return operation.op === 'collected' ? operation.entries.map(({ key }) => key) : [];
}

export interface CutInput {
  state: ShardState;
  afterSeq: number;
  /** Our own epochs, in order. */
  epochs: readonly EpochStart[];
  /** The replica sets that our log has named, in order. */
  sets: readonly ReplicaSet[];
  /** Batches of our log past the cut, in order. */
  orphaned: readonly Batch[];
  lookup: Lookup;
  /** The touched keys' rows as a peer in the new history has them, all of them confirmed. */
  rows: ReadonlyMap<string, Entry>;
  /** The last record by which that peer has removed rows for good; 0 where there is none. */
  collectedSeq: number;
}

export function planCut(input: CutInput): Change {
  const { state, afterSeq, epochs, sets, orphaned, lookup, rows } = input;
  const keys = touchedKeys(orphaned);
  const pairs = keys.map((key) => ({ key, before: lookup(key), after: rows.get(key) }));
  const leafXors = leafXorsOf(pairs);
  const root = xorDigest(state.root, leafXors.root());
  const first = orphaned[0];
  const drift = first ? xorDigest(root, first.prevRoot) : state.drift;
  const newest = Math.max(0, ...pairs.map(({ after }) => after?.seq ?? input.collectedSeq));
  const epoch = epochs.findLast((start) => start.firstSeq <= afterSeq)?.epoch ?? 0;
  return changeOf({
    entries: pairs.flatMap(({ after }) => (after ? [after] : [])),
    // The new history doesn't have them, or has them no more.
    removed: pairs.flatMap(({ key, after }) => (after ? [] : [key])),
    leafXors,
    cut: { afterSeq, orphans: isBrokenBy('forget-orphans') ? [] : orphaned.flatMap(orphansOf) },
    state: {
      ...state,
      applied: { epoch, seq: afterSeq },
      root,
      drift,
      settleSeq: isZeroDigest(drift) ? 0 : newest,
      confirmedSeq: Math.min(state.confirmedSeq, afterSeq),
      collected: { ...state.collected, seq: Math.min(state.collected.seq, afterSeq) },
      set: sets.findLast(({ seq }) => seq <= afterSeq) ?? unknownSet,
    },
  });
}

function orphansOf(batch: Batch): Orphan[] {
  return batch.ops.flatMap((operation, index) => {
    const version = { epoch: batch.epoch, seq: batch.firstSeq + index };
    return 'key' in operation ? [{ version, operation, offered: false }] : [];
  });
}
