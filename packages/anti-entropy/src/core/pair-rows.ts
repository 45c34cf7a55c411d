/**
 * Two replicas' rows of a bucket, side by side, by the hashes of their keys. Listings are long and mostly
 * equal, so they stay the bytes that travel, 24 a row, and only what differs becomes objects:
 *
 *     <rowHash of the key: 8 bytes><digest of the row: 16 bytes> …      in the order of these bytes
 */
import { Buffer } from 'node:buffer';
import { type Digest, digestBytes, equalDigest } from '@driftless/contracts';

const hashBytes = 8;
/** Of a row in a listing. */
export const rowBytes = hashBytes + digestBytes;

/** Each row as 48 hexadecimal digits: `rowHash` of its key, then its digest. */
export function packRows(rows: readonly string[]): Uint8Array {
  return Buffer.from(rows.toSorted().join(''), 'hex');
}

/** Rows under one hash: one on each side where they are equal, more where keys share a hash. */
export interface RowPair {
  hash: string;
  ours: Digest[];
  theirs: Digest[];
  equal: boolean;
}

export interface Pairs {
  /** In the order of `hash`. */
  pairs: RowPair[];
  /** Equal ones too, whether they are among the pairs or not. */
  compared: number;
}

/** Both listings in their order. Those that are equal are left out, or not. */
export function pairRows(ours: Uint8Array, theirs: Uint8Array, which: 'all' | 'differing'): Pairs {
  const pairs: RowPair[] = [];
  let compared = 0;
  for (let i = 0, j = 0; i < ours.length || j < theirs.length; compared += 1) {
    if (which === 'differing' && order(ours, i, theirs, j, rowBytes) === 0) {
      i += rowBytes;
      j += rowBytes;
      continue;
    }
    const pair = pairAt(ours, i, theirs, j);
    i += pair.ours.length * rowBytes;
    j += pair.theirs.length * rowBytes;
    if (which === 'all' || !pair.equal) pairs.push(pair);
  }
  return { pairs, compared };
}

/** What there is on both sides under the lower of these two hashes. */
function pairAt(ours: Uint8Array, i: number, theirs: Uint8Array, j: number): RowPair {
  const lower = order(ours, i, theirs, j, hashBytes);
  const hash = lower <= 0 ? ours.subarray(i, i + hashBytes) : theirs.subarray(j, j + hashBytes);
  const [mine, yours] = [digestsUnder(hash, ours, i), digestsUnder(hash, theirs, j)];
  return { hash: Buffer.from(hash).toString('hex'), ours: mine, theirs: yours, equal: areEqual(mine, yours) };
}

function digestsUnder(hash: Uint8Array, rows: Uint8Array, from: number): Digest[] {
  const digests: Digest[] = [];
  for (let i = from; order(hash, 0, rows, i, hashBytes) === 0; i += rowBytes) {
    digests.push(rows.subarray(i + hashBytes, i + rowBytes));
  }
  return digests;
}

/** Of so many bytes at these places; past the end nothing is lower. */
function order(a: Uint8Array, i: number, b: Uint8Array, j: number, bytes: number): number {
  if (i >= a.length) return 1;
  if (j >= b.length) return -1;
  for (let k = 0; k < bytes; k += 1) {
    const difference = (a[i + k] as number) - (b[j + k] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

function areEqual(ours: readonly Digest[], theirs: readonly Digest[]): boolean {
  return ours.length === theirs.length && ours.every((digest) => has(theirs, digest));
}

export function has(digests: readonly Digest[], digest: Digest): boolean {
  return digests.some((other) => equalDigest(other, digest));
}
