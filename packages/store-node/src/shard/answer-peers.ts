/**
 * What a replica says of itself to a peer that compares itself with it, and to itself: captures, the rows
 * of buckets, heads of rows (contracts/exchange.ts). It answers whatever its health is, and learns of its
 * own damage when a peer asks.
 *
 * Buckets are listed by the digests kept beside their rows, so that no value is read: what differs is asked
 * for again by its head, and a head is computed from the row's bytes. A bucket is audited instead where there
 * is a doubt: the asker has one, something is known against it here, its digests don't have its leaf, or one
 * of its heads was found rotten.
 */
import {
  type BucketRows,
  type Capture,
  type Heads,
  type Listing,
  type Missed,
  packRows,
  type Wanted,
} from '@driftless/anti-entropy';
import { entryDigest, equalDigest, formatDigest, type RowHead, rowHash } from '@driftless/contracts';
import type { Entry } from '../core/entry.ts';
import type { KeptDigest } from '../store/port.ts';
import { auditBucket, burstRows, haveLeaf } from './audit.ts';
import type { ShardContext } from './context.ts';
import { note } from './scrub.ts';

export async function takeCapture(
  context: ShardContext,
  atSeq: number,
  waitMs: number,
): Promise<Capture | Missed> {
  const { applied: position } = context.state;
  if (context.halted !== undefined || context.restoring || context.isBlank) {
    return { reason: 'unavailable', position };
  }
  return context.captures.take(context.state, atSeq, waitMs);
}

export async function listBuckets(
  context: ShardContext,
  buckets: readonly number[],
  { throughSeq, audit }: Listing,
): Promise<BucketRows[]> {
  const listed: BucketRows[] = [];
  let since = 0;
  for (const bucket of buckets) {
    const { applied } = context.state;
    const { store, clock, listings } = context;
    const { digests, sound } = (audit ? undefined : kept(context, bucket)) ?? audited(context, bucket);
    const rows: string[] = [];
    const keys = new Map<string, string>();
    for (const { key, seq, digest } of digests) {
      const hash = rowHash(key);
      keys.set(hash, key);
      if (seq <= throughSeq || seq > applied.seq) rows.push(hash + digest);
    }
    if (sound && keys.size === digests.length)
      listings.keep(bucket, { store, leaf: store.leaf(bucket), keys }, clock.monotonic());
    else listings.forget(bucket);
    listed.push({ bucket, rows: packRows(rows), sound });
    since += digests.length;
    if (since < burstRows) continue;
    since = 0;
    await context.clock.turn();
  }
  return listed;
}

interface Digests {
  digests: KeptDigest[];
  sound: boolean;
}

/** As they stand beside the rows; undefined where they will not do. */
function kept({ store, soundness }: ShardContext, bucket: number): Digests | undefined {
  if (soundness.isSuspect(bucket)) return undefined;
  const digests = store.bucketDigests(bucket);
  return haveLeaf(digests, store.leaf(bucket)) ? { digests, sound: true } : undefined;
}

/** As the bytes of the rows have them. */
function audited(context: ShardContext, bucket: number): Digests {
  const digests: KeptDigest[] = [];
  const audit = auditBucket(context.store, bucket, ({ key, seq }, digest) => {
    digests.push({ key, seq, digest: formatDigest(digest) });
  });
  note(context, [audit]);
  return { digests, sound: audit.sound };
}

export async function headsOf(context: ShardContext, wanted: readonly Wanted[]): Promise<Heads> {
  const heads: RowHead[] = [];
  let since = 0;
  for (const { bucket, hashes } of wanted) {
    const { rows, read } = rowsNamed(context, bucket, hashes);
    const found = rows.map(headOf);
    if (found.some(({ sound }) => !sound)) note(context, [auditBucket(context.store, bucket)]);
    heads.push(...found);
    since += read;
    if (since < burstRows) continue;
    since = 0;
    await context.clock.turn();
  }
  // Taken last: no row that was looked at is of an operation past it.
  const { applied: position, collected } = context.state;
  return { position, collectedSeq: collected.seq, rows: heads };
}

/** The rows of a bucket with these hashes, and how many were read to find them. */
function rowsNamed(
  { store, listings }: ShardContext,
  bucket: number,
  hashes: readonly string[],
): { rows: Entry[]; read: number } {
  const listed = listings.of(store, bucket);
  if (listed) {
    const rows = hashes.flatMap((hash) => listed.keys.get(hash) ?? []).flatMap((key) => store.get(key) ?? []);
    return { rows, read: rows.length };
  }
  const asked = new Set(hashes);
  const rows = store.bucketRows(bucket);
  return { rows: rows.filter(({ key }) => asked.has(rowHash(key))), read: rows.length };
}

function headOf(entry: Entry): RowHead {
  const { key, epoch, seq, tombstone, value } = entry;
  const digest = entryDigest(entry);
  const sound = equalDigest(digest, entry.digest);
  return {
    key,
    version: { epoch, seq },
    digest: formatDigest(digest),
    sound,
    tombstone,
    bytes: value.length,
  };
}
