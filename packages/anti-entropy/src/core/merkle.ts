/**
 * The Merkle tree over a shard's leaves (R. C. Merkle, 1987). Only the leaves are kept; inner nodes are
 * hashes of their children, computed when somebody asks. A write therefore never climbs the tree, and there
 * is nothing that could fall out of step with the data.
 *
 *     level 0                      root                         1 node
 *                      ┌────────────┼─ ─ ─ ─ ─┐
 *     level 1          0            1        15                16 nodes
 *                 ┌────┼─ ─ ┐
 *     level 2     0    1   15  …                              256 nodes
 *               ┌─┼─ ┐
 *     level 3   0 1 15  …                              4096 leaves = buckets
 *
 * Children of node i are nodes 16·i … 16·i + 15 one level down; node i of level 3 is bucket i. All of it is
 * 273 hashes of 256 bytes. The Merkle root is not the shard's root: the latter is an XOR, which is cheap to
 * keep with every write; a Merkle node is a hash, so that a comparison can descend on it without trusting
 * XORs to differ.
 */
import { bucketCount, type Digest, digestBytes, hash128 } from '@driftless/contracts';
import type { LeafDigests } from './leaf-digests.ts';

/** Children of an inner node. */
export const fanOut = 16;
/** Level of the leaves; the root is level 0. */
export const leafLevel = Math.log(bucketCount) / Math.log(fanOut);

/** Nodes on a level: 1, 16, 256, 4096. */
export function nodesOn(level: number): number {
  if (!Number.isInteger(level) || level < 0 || level > leafLevel) {
    throw new RangeError(`A level is 0 … ${leafLevel}; this is ${level}.`);
  }
  return fanOut ** level;
}

/** Indexes, one level down, of a node's children. */
export function childrenOf(index: number): number[] {
  return Array.from({ length: fanOut }, (_, child) => index * fanOut + child);
}

/** Hash of one node; a leaf's is its digest as it stands. Throws `RangeError` when there is no such node. */
export function node(leaves: LeafDigests, level: number, index: number): Digest {
  const count = nodesOn(level);
  if (!Number.isInteger(index) || index < 0 || index >= count) {
    throw new RangeError(`A node on level ${level} is 0 … ${count - 1}; this is ${index}.`);
  }
  if (level === leafLevel) return leaves.get(index);
  // Leaves lie side by side, as an inner node's children are joined to be hashed.
  if (level === leafLevel - 1) return hash128(leaves.view(index * fanOut, fanOut));
  return hashChildren(childrenOf(index).map((child) => node(leaves, level + 1, child)));
}

/** Equal for two shards exactly when all their leaves are equal. */
export function merkleRoot(leaves: LeafDigests): Digest {
  return node(leaves, 0, 0);
}

/** The hash of an inner node from its children's, in order. */
export function hashChildren(children: readonly Digest[]): Digest {
  if (children.length !== fanOut) {
    throw new RangeError(`An inner node has ${fanOut} children; here are ${children.length}.`);
  }
  const joined = new Uint8Array(fanOut * digestBytes);
  for (const [i, child] of children.entries()) joined.set(child, i * digestBytes);
  return hash128(joined);
}
