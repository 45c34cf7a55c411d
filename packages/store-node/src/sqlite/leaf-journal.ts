/**
 * The Merkle leaves on disk. Every entry that moves moves a leaf, and a row for each leaf would cost a commit
 * half as much as its entries do. So a batch's row in the log carries by how much it moved them, and all
 * leaves are written as one block now and then:
 *
 *     leaves now = the block at seq s, XOR what the batches of the log after s carry
 */
import type { LeafDigests } from '@driftless/anti-entropy';
import { LeafXors } from '../core/leaf-xors.ts';

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
