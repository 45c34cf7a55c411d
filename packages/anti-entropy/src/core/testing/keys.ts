/** Keys that share buckets, as keys of a large shard do. */
import { bucketOf } from '@driftless/contracts';

/** So many keys in each of so many buckets. */
export function keysSharing(buckets: number, keysEach: number): string[] {
  const chosen = new Map<number, string[]>();
  const full: string[][] = [];
  for (let i = 0; full.length < buckets; i += 1) {
    const key = `key-${i}`;
    const keys = chosen.get(bucketOf(key)) ?? [];
    if (keys.length === keysEach) continue;
    chosen.set(bucketOf(key), [...keys, key]);
    if (keys.length + 1 === keysEach) full.push([...keys, key]);
  }
  return full.flat();
}
