/**
 * An audit recomputes digests from rows' bytes. Of one bucket it takes one turn, so rows and leaf are of
 * one commit: the rows' digests together must be the leaf. Of a whole copy it decides whether that may be
 * installed.
 */
import { Buffer } from 'node:buffer';
import {
  type Digest,
  digestBytes,
  endOfForm,
  entryDigest,
  equalDigest,
  hash128,
  isZeroDigest,
  xorInto,
  zeroDigest,
} from '@driftless/contracts';
import type { Clock } from '@driftless/runtime';
import type { Entry } from '../core/entry.ts';
import type { KeptDigest, ShardStore } from '../store/port.ts';

/** Rows hashed before other work gets its turn. */
export const burstRows = 500;
/** Most damaged keys that are named. */
export const corruptKeysMax = 100;

export interface BucketAudit {
  bucket: number;
  rows: number;
  /** Digests of the rows' bytes together, XOR the leaf: zero when these are the rows that the tree has. */
  gap: Digest;
  /** Keys whose bytes don't have the digest kept beside them. */
  corruptKeys: string[];
  sound: boolean;
}

/** `each` is called for every row, with the digest that its bytes have. */
export function auditBucket(
  store: ShardStore,
  bucket: number,
  each?: (entry: Entry, digest: Digest) => void,
): BucketAudit {
  return auditRows(bucket, store.leaf(bucket), store.bucketRows(bucket), each);
}

/** The same, of rows and leaf that were read in one turn; the leaf becomes the gap. */
export function auditRows(
  bucket: number,
  gap: Digest,
  entries: readonly Entry[],
  each?: (entry: Entry, digest: Digest) => void,
): BucketAudit {
  const corruptKeys: string[] = [];
  for (const entry of entries) {
    const digest = entryDigest(entry);
    xorInto(gap, digest);
    if (!equalDigest(digest, entry.digest)) corruptKeys.push(entry.key);
    each?.(entry, digest);
  }
  const sound = corruptKeys.length === 0 && isZeroDigest(gap);
  return { bucket, rows: entries.length, gap, corruptKeys, sound };
}

/** The digests kept beside the rows of a bucket are together the leaf; their values are not looked at. */
export function haveLeaf(digests: readonly KeptDigest[], leaf: Digest): boolean {
  const bytes = Buffer.from(digests.map(({ digest }) => digest).join(''), 'hex');
  if (bytes.length !== digests.length * digestBytes) return false;
  const sum = zeroDigest();
  for (let i = 0; i < bytes.length; i += digestBytes) xorInto(sum, bytes.subarray(i, i + digestBytes));
  return equalDigest(sum, leaf);
}

export interface Audit {
  /** XOR of the digests that the rows' bytes have. */
  root: Digest;
  /** Rows whose bytes don't have the digest kept beside them. */
  corruptRows: number;
}

/** Of all rows of a copy that nobody writes to. */
export async function auditAll(copy: ShardStore, clock: Clock): Promise<Audit> {
  const root = zeroDigest();
  let corruptRows = 0;
  for (const { rows, bytes } of copy.forms()) {
    let sound = 0;
    for (let at = 0; at < bytes.length; ) {
      const form = at + digestBytes;
      const end = endOfForm(bytes, form);
      const digest = hash128(bytes.subarray(form, end));
      xorInto(root, digest);
      if (standsAt(digest, bytes, at)) sound += 1;
      at = end;
    }
    corruptRows += rows - sound;
    await clock.turn();
  }
  return { root, corruptRows };
}

/** `equalDigest`, without a view of the bytes for each row. */
function standsAt(digest: Digest, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < digestBytes; i += 1) if (digest[i] !== bytes[at + i]) return false;
  return true;
}
