/**
 * Finds the buckets in which two trees differ, by descending only where hashes differ. The other tree is
 * behind a function that gives hashes of nodes by level and index, so the comparison knows no transport:
 * HTTP, NATS and a test's local tree look the same.
 *
 *     level 0   ask the root                 equal → done, 16 bytes were shipped
 *     level 1   ask its 16 children          keep those that differ
 *     level 2   ask the children of those    keep those that differ
 *     level 3   ask the children of those    what differs are the buckets
 *
 * That is 4 questions at most, and 64 KiB of leaves in the worst case. The comparison means something only
 * when both trees were captured at the same position: arranging that is the caller's part. But it
 * checks what it can: children that arrive must hash to the parent that arrived before, else the other tree
 * moved between two questions, and the outcome is "not comparable", never a guess.
 */
import { type Digest, digestBytes, equalDigest } from '@driftless/contracts';
import type { LeafDigests } from './leaf-digests.ts';
import { childrenOf, fanOut, hashChildren, leafLevel, node } from './merkle.ts';

/**
 * Hashes of the other side's nodes of one level, in the order of `indexes`. A rejection ends the comparison.
 */
export type FetchNodes = (level: number, indexes: readonly number[]) => Promise<readonly Digest[]>;

export type TreeComparison =
  | { outcome: 'equal'; nodesFetched: number }
  /** Buckets in ascending order; at least one. */
  | { outcome: 'different'; buckets: number[]; nodesFetched: number }
  /** The other side's answers don't form one tree. */
  | { outcome: 'not-comparable'; reason: string; nodesFetched: number };

export async function compareTrees(ours: LeafDigests, fetch: FetchNodes): Promise<TreeComparison> {
  let nodesFetched = 0;
  let indexes = [0];
  /** The other side's hashes of the parents of `indexes`, in order; none above the root. */
  let parents: Digest[] = [];
  for (let level = 0; ; level += 1) {
    const theirs = await fetch(level, indexes);
    nodesFetched += theirs.length;
    const reason = problemWith(theirs, indexes.length, parents);
    if (reason) return { outcome: 'not-comparable', reason, nodesFetched };

    const differing: { index: number; hash: Digest }[] = [];
    for (const [i, index] of indexes.entries()) {
      const hash = theirs[i] as Digest;
      if (!equalDigest(node(ours, level, index), hash)) differing.push({ index, hash });
    }
    if (differing.length === 0) return { outcome: 'equal', nodesFetched };
    if (level === leafLevel) {
      return { outcome: 'different', buckets: differing.map(({ index }) => index), nodesFetched };
    }
    indexes = differing.flatMap(({ index }) => childrenOf(index));
    parents = differing.map(({ hash }) => hash);
  }
}

/** Why these can't be the nodes that were asked for, or `undefined`. */
function problemWith(nodes: readonly Digest[], asked: number, parents: Digest[]): string | undefined {
  if (nodes.length !== asked) return `${asked} nodes were asked for; ${nodes.length} came.`;
  if (nodes.some((digest) => digest.length !== digestBytes)) return 'A node came that is not a digest.';
  const moved = parents.some((parent, i) => {
    const children = nodes.slice(i * fanOut, (i + 1) * fanOut);
    return !equalDigest(hashChildren(children), parent);
  });
  return moved ? 'The other tree changed between two questions.' : undefined;
}
