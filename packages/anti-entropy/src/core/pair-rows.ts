/** Two replicas' rows of a bucket, side by side, by the hashes of their keys. */
import { type Digest, equalDigest } from '@driftless/contracts';
import type { RowDigest } from './ports.ts';

/** Rows under one hash: one on each side where they are equal. Keys may share a hash; then there are more. */
export interface RowPair {
  hash: string;
  ours: Digest[];
  theirs: Digest[];
  equal: boolean;
}

/** Both lists are in the order of `hash`; so is the answer, with every hash that one of them has. */
export function pairRows(ours: readonly RowDigest[], theirs: readonly RowDigest[]): RowPair[] {
  const pairs: RowPair[] = [];
  let i = 0;
  let j = 0;
  while (i < ours.length || j < theirs.length) {
    const hash = lower(ours[i]?.hash, theirs[j]?.hash);
    const [mine, yours] = [digestsUnder(hash, ours, i), digestsUnder(hash, theirs, j)];
    i += mine.length;
    j += yours.length;
    pairs.push({ hash, ours: mine, theirs: yours, equal: areEqual(mine, yours) });
  }
  return pairs;
}

function digestsUnder(hash: string, rows: readonly RowDigest[], from: number): Digest[] {
  const digests: Digest[] = [];
  for (let i = from; rows[i]?.hash === hash; i += 1) digests.push((rows[i] as RowDigest).digest);
  return digests;
}

function lower(a: string | undefined, b: string | undefined): string {
  if (a === undefined) return b as string;
  return b === undefined || a < b ? a : b;
}

function areEqual(ours: readonly Digest[], theirs: readonly Digest[]): boolean {
  return ours.length === theirs.length && ours.every((digest) => has(theirs, digest));
}

export function has(digests: readonly Digest[], digest: Digest): boolean {
  return digests.some((other) => equalDigest(other, digest));
}
