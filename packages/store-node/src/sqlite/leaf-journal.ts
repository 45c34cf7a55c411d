/**
 * The Merkle leaves on disk. Every entry that moves moves a leaf, and a row for each leaf would cost a commit
 * half as much as its entries do. So a batch's row in the log carries by how much it moved them, and all
 * leaves are written as one block now and then:
 *
 *     leaves now = the block at seq s, XOR what the batches of the log after s carry
 *
 *     what a batch carries:  bucket (2 bytes, big endian), XOR (16 bytes); again for each touched leaf
 */
import { Buffer } from 'node:buffer';
import type { LeafDigests } from '@driftless/anti-entropy';
import { type Digest, digestBytes } from '@driftless/contracts';

const moveBytes = 2 + digestBytes;

export function encodeLeafMoves(moves: ReadonlyMap<number, Digest>): Buffer {
  const bytes = Buffer.allocUnsafe(moves.size * moveBytes);
  let offset = 0;
  for (const [bucket, xor] of moves) {
    bytes.writeUInt16BE(bucket, offset);
    bytes.set(xor, offset + 2);
    offset += moveBytes;
  }
  return bytes;
}

/** Throws `RangeError` when the bytes are no moves: the row has rotted. */
export function replayLeafMoves(leaves: LeafDigests, bytes: Buffer): void {
  if (bytes.length % moveBytes !== 0) throw new RangeError(`${bytes.length} bytes are no moves of leaves.`);
  for (let offset = 0; offset < bytes.length; offset += moveBytes) {
    leaves.xor(bytes.readUInt16BE(offset), bytes.subarray(offset + 2, offset + moveBytes));
  }
}

/** `leaves` as they are after `moves`; the given ones stay as they are. */
export function movedLeaves(leaves: LeafDigests, moves: ReadonlyMap<number, Digest>): LeafDigests {
  const moved = leaves.clone();
  for (const [bucket, xor] of moves) moved.xor(bucket, xor);
  return moved;
}
