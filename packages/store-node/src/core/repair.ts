/**
 * What a repair does to one bucket (SPEC.md, R1–R4): rows of ours are replaced by a peer's or removed, and
 * leaf, root and drift follow from the rows that are there then. What was decided before is checked once
 * more against the bucket as it is now, for events are applied meanwhile: whatever doesn't fit any more is
 * left out.
 *
 *     leaf   XOR of the digests kept beside the rows
 *     root   XOR of the leaves: a leaf that was spoiled elsewhere shows as drift from then on
 *     drift  the new root ^ the root that the leader stamped, which stays what it was
 */
import { isAhead, isBrokenBy, isOrphan, type Repair } from '@driftless/anti-entropy';
import {
  type Digest,
  type EpochStart,
  entryDigest,
  equalDigest,
  isZeroDigest,
  parseDigest,
  xorDigest,
  xorInto,
  zeroDigest,
} from '@driftless/contracts';
import { type Change, changeOf, type Quarantined } from './change.ts';
import type { Entry } from './entry.ts';
import { LeafXors } from './leaf-xors.ts';
import type { ShardState } from './state.ts';

export interface RepairInput {
  state: ShardState;
  epochs: readonly EpochStart[];
  bucket: number;
  leaf: Digest;
  /** XOR of all leaves. */
  leavesRoot: Digest;
  /**
   * The rows of the bucket. When the others are known to be sound and to have the rest of the leaf, those to
   * be repaired will do, with the part of the leaf that they have (`leafOf`).
   */
  rows: readonly Entry[];
  repairs: readonly Repair[];
  /** The peer's rows, by key, with the digests that their bytes have. */
  theirs: ReadonlyMap<string, Entry>;
}

export interface PlannedRepair {
  /** Undefined when everything is as it should be. */
  change: Change | undefined;
  /** Keys whose repair fits. */
  healed: string[];
}

export function planRepair(input: RepairInput): PlannedRepair {
  const { state, bucket, leaf, leavesRoot, repairs } = input;
  const rows = new Map(input.rows.map((row) => [row.key, row]));
  const fitting = repairs.filter((repair) => fits(repair, rows.get(repair.key), input));
  const entries: Entry[] = [];
  const removed: string[] = [];
  const quarantine: Quarantined[] = [];
  for (const { key, theirs, reason } of fitting) {
    const before = rows.get(key);
    const after = theirs && input.theirs.get(key);
    const isOther = before && !(after && equalDigest(entryDigest(before), after.digest));
    if (isOther) quarantine.push({ kind: 'row', name: key, reason, bytes: before.value });
    if (after) {
      rows.set(key, after);
      entries.push(after);
    } else {
      rows.delete(key);
      removed.push(key);
    }
  }
  const healed = fitting.map(({ key }) => key);
  if (isBrokenBy('forget-tree-in-repair')) {
    return { change: changeOf({ entries, removed, quarantine, state }), healed };
  }
  const leafXor = xorDigest(leaf, leafOf(rows.values()));
  const root = xorDigest(leavesRoot, leafXor);
  if (healed.length === 0 && isZeroDigest(leafXor) && equalDigest(root, state.root)) {
    return { change: undefined, healed };
  }
  const drift = xorDigest(root, xorDigest(state.root, state.drift));
  const leafXors = LeafXors.of([[bucket, leafXor]]);
  const change = changeOf({ entries, removed, leafXors, quarantine, state: { ...state, root, drift } });
  return { change, healed };
}

/** Our row is still the one that was looked at, and theirs the one that was decided on. */
function fits({ key, ours, theirs }: Repair, row: Entry | undefined, input: RepairInput): boolean {
  const isSame = row && ours ? equalDigest(entryDigest(row), ours) : row === undefined && ours === undefined;
  if (!isSame || !theirs) return isSame;
  const entry = input.theirs.get(key);
  if (!entry || !equalDigest(entry.digest, parseDigest(theirs.digest))) return false;
  return !isAhead(entry, input.state.applied) && !isOrphan(entry, input.epochs);
}

/** XOR of the digests kept beside the rows. */
export function leafOf(rows: Iterable<Entry>): Digest {
  const leaf = zeroDigest();
  for (const { digest } of rows) xorInto(leaf, digest);
  return leaf;
}
