/**
 * What a replica says of itself to a peer that compares itself with it, and to itself: captures, the rows
 * of buckets, heads of rows (contracts/exchange.ts). It answers whatever its health is. To list a bucket is
 * to audit it, so a replica learns of its own damage when a peer asks.
 */
import type { BucketRows, Capture, Heads, Missed, Wanted } from '@driftless/anti-entropy';
import { entryDigest, equalDigest, formatDigest, type RowHead, rowHash } from '@driftless/contracts';
import type { Entry } from '../core/entry.ts';
import { auditBucket, burstRows } from './audit.ts';
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
  throughSeq: number,
): Promise<BucketRows[]> {
  const listed: BucketRows[] = [];
  let since = 0;
  for (const bucket of buckets) {
    const { applied } = context.state;
    const { store, clock } = context;
    const rows: BucketRows['rows'] = [];
    const keys = new Map<string, string>();
    const audit = auditBucket(store, bucket, ({ key, seq }, digest) => {
      const hash = rowHash(key);
      keys.set(hash, key);
      if (seq <= throughSeq || seq > applied.seq) rows.push({ hash, digest });
    });
    note(context, [audit]);
    const { sound } = audit;
    const { listings } = context;
    if (sound && keys.size === audit.rows)
      listings.keep(bucket, { store, leaf: store.leaf(bucket), keys }, clock.monotonic());
    else listings.forget(bucket);
    rows.sort((a, b) => (a.hash < b.hash ? -1 : 1));
    listed.push({ bucket, rows, sound });
    since += audit.rows;
    if (since < burstRows) continue;
    since = 0;
    await context.clock.turn();
  }
  return listed;
}

export async function headsOf(context: ShardContext, wanted: readonly Wanted[]): Promise<Heads> {
  const heads: RowHead[] = [];
  let since = 0;
  for (const { bucket, hashes } of wanted) {
    const { rows, read } = rowsNamed(context, bucket, hashes);
    heads.push(...rows.map(headOf));
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
