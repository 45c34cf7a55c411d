/**
 * What is wrong with a replica's file, whether the replica knows it or not: a simulation sees through to the
 * disk. Rows must have the digests kept beside them, leaves those of their rows, and the root that of the
 * leaves.
 */
import { bucketCount, bucketOf, entryDigest, equalDigest, xorInto, zeroDigest } from '@driftless/contracts';
import type { Change, ShardStore } from '@driftless/store-node/simulation';

/** A sentence, or undefined when all is well. */
export function damageOf(store: ShardStore): string | undefined {
  const { entries, state } = store.snapshot();
  const sums = new Map<number, Uint8Array>();
  for (const entry of entries) {
    if (!equalDigest(entryDigest(entry), entry.digest)) return `the row of ${entry.key} is rotten`;
    const sum = sums.get(bucketOf(entry.key)) ?? zeroDigest();
    xorInto(sum, entry.digest);
    sums.set(bucketOf(entry.key), sum);
  }
  const leaves = store.leaves();
  const none = zeroDigest();
  for (let bucket = 0; bucket < bucketCount; bucket += 1) {
    if (equalDigest(leaves.get(bucket), sums.get(bucket) ?? none)) continue;
    return `the leaf of bucket ${bucket} is not that of its rows`;
  }
  return equalDigest(leaves.root(), state.root) ? undefined : 'the root is not that of the leaves';
}

/** A repair is the only change of rows or leaves that neither is in the log nor cuts it. */
export function isRepair({ log, cut, entries, removed, leafXors }: Change): boolean {
  return !log && !cut && entries.length + removed.length + leafXors.size > 0;
}

/** Buckets that a repair has left with a leaf that is not that of their rows (SPEC of anti-entropy, X6). */
export function leftUnsound(store: ShardStore, { entries, removed, leafXors }: Change): number[] {
  const keys = [...entries.map(({ key }) => key), ...removed];
  const buckets = new Set([...keys.map(bucketOf), ...leafXors.keys()]);
  return [...buckets].filter((bucket) => {
    const sum = zeroDigest();
    for (const { digest } of store.bucketRows(bucket)) xorInto(sum, digest);
    return !equalDigest(store.leaf(bucket), sum);
  });
}
