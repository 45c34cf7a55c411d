/**
 * The Merkle leaves on disk. Every entry that moves moves a leaf, and a row for each leaf would cost a commit
 * half as much as its entries do. So a batch's row in the log carries by how much it moved them, and all
 * leaves are written as one block now and then:
 *
 *     leaves now = the block at seq s, XOR what the batches of the log after s carry
 */
import type { Buffer } from 'node:buffer';
import { LeafDigests } from '@driftless/anti-entropy';
import { LeafXors } from '../core/leaf-xors.ts';
import type { Statements } from './statements.ts';

/** Throws `RangeError` when the bytes are no moves: the row has rotted. */
export function replayLeafMoves(leaves: LeafDigests, bytes: Uint8Array): void {
  LeafXors.fromBytes(bytes).move(leaves);
}

/** `leaves` as they are after `moves`; the given ones stay as they are. */
export function movedLeaves(leaves: LeafDigests, moves: LeafXors): LeafDigests {
  const moved = leaves.clone();
  moves.move(moved);
  return moved;
}

/** The leaves as of the last commit, and the seq of those that lie on disk as a block. */
export function loadLeaves({ leaves: block, movesAfter }: Statements): [leaves: LeafDigests, seq: number] {
  const { seq, digests } = block.get() as { seq: number; digests: Buffer };
  const leaves = LeafDigests.fromBytes(digests);
  for (const moves of movesAfter.iterate(seq) as IterableIterator<Buffer>) replayLeafMoves(leaves, moves);
  return [leaves, seq];
}
