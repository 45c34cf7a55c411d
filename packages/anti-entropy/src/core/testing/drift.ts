/**
 * Ways in which a replica comes to differ, for tests. Some leave the tree as it was, as a disk does that
 * loses or changes bytes; the others take it along, as a mistake in the code does.
 */
import { bucketOf, entryDigest, hash128, type Position, xorDigest, zeroDigest } from '@driftless/contracts';
import { type History, type Row, rowOf, versionOf } from './history.ts';
import type { MemoryReplica } from './replica.ts';

export const driftKinds = [
  'flipped-value',
  'changed-value',
  'dropped-row',
  'lost-row',
  'alien-row',
  'alien-write',
  'row-of-the-future',
  'stale-row',
  'orphan',
  'spoiled-leaf',
  'spoiled-digest',
] as const;
export type DriftKind = (typeof driftKinds)[number];

/** What only a bucket as a whole heals: the rows are equal, what is kept beside one is not. */
export const bucketRungKinds: readonly DriftKind[] = ['spoiled-digest'];

/** Makes the replica drift at a key (that it has, where there must be one) and says which it was. */
export function drift(replica: MemoryReplica, kind: DriftKind, key: string, history: History): void {
  const row = replica.rows.get(key);
  const { position } = history;
  const other = (version: Position): Row => rowOf(key, `not what was written at ${version.seq}`, version);
  switch (kind) {
    case 'flipped-value':
      if (row) replica.rows.set(key, { ...row, entry: { ...row.entry, value: Buffer.from('flipped') } });
      return;
    case 'changed-value':
      if (row) replaced(replica, key, other(versionOf(row)));
      return;
    case 'dropped-row':
      replica.rows.delete(key);
      return;
    case 'lost-row':
      replaced(replica, key, undefined);
      return;
    case 'alien-row':
      replica.rows.set(key, other(position));
      return;
    case 'alien-write':
      replaced(replica, key, other(position));
      return;
    case 'row-of-the-future':
      replaced(replica, key, other({ epoch: position.epoch, seq: position.seq + 1_000_000 }));
      return;
    case 'stale-row':
      if (row && row.entry.seq > 1) replaced(replica, key, other({ epoch: 1, seq: row.entry.seq - 1 }));
      return;
    case 'orphan':
      if (position.epoch > 1) replaced(replica, key, other({ epoch: position.epoch - 1, seq: position.seq }));
      return;
    case 'spoiled-leaf':
      replica.tree.xor(bucketOf(key), hash128(Buffer.from(key)));
      return;
    case 'spoiled-digest':
      if (row) replica.rows.set(key, { ...row, digest: hash128(Buffer.from(key)) });
      return;
  }
}

/** The row and its leaf change, and only the stamped root tells. */
function replaced(replica: MemoryReplica, key: string, row: Row | undefined): void {
  const before = replica.rows.get(key)?.digest ?? zeroDigest();
  replica.tree.xor(bucketOf(key), xorDigest(before, row ? entryDigest(row.entry) : zeroDigest()));
  if (row) replica.rows.set(key, row);
  else replica.rows.delete(key);
}
