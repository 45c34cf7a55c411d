/** The SQL of the store, prepared once, and how rows become the core's data. */
import type { Buffer } from 'node:buffer';
import { decodeBatch, encodeBatch, zeroDigest } from '@driftless/contracts';
import type Database from 'better-sqlite3';
import type { LogRow, Orphan } from '../core/change.ts';
import type { CollectableRow } from '../core/collect.ts';
import type { Entry } from '../core/entry.ts';
import { type ReplicaSet, type ShardState, unknownSet } from '../core/state.ts';

export interface EntryRow {
  key: string;
  epoch: number;
  seq: number;
  tombstone: number;
  expires_at: number | null;
  content_type: string;
  digest: Buffer;
  value: Buffer;
}

export type EntryTuple = [
  key: string,
  epoch: number,
  seq: number,
  tombstone: number,
  expiresAt: number | null,
  contentType: string,
  digest: Buffer,
  value: Buffer,
];
/** And the row's bucket. */
export type BucketTuple = [...EntryTuple, bucket: number];

export interface CollectableRowRow {
  key: string;
  epoch: number;
  seq: number;
  tombstone: number;
  bytes: number;
}

export interface LogRowRow {
  first_seq: number;
  last_seq: number;
  epoch: number;
  committed_at: number;
  event: Buffer;
}

export interface LogSizeRow {
  first_seq: number;
  bytes: number;
}

export interface OrphanRow {
  epoch: number;
  seq: number;
  operation: Buffer;
  offered: number;
}

interface MetaRow {
  epoch: number;
  seq: number;
  root: Buffer;
  drift: Buffer;
  suspect: number;
  settle_seq: number;
  confirmed_seq: number;
  stream_seq: number;
  stream_created_at: string;
  collected_seq: number;
  collected_epoch: number;
}

interface SetRow {
  seq: number;
  members: string;
}

const putEntrySql = `
  INSERT INTO entries (epoch, seq, tombstone, expires_at, content_type, digest, value, key, bucket)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (key) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq,
    tombstone = excluded.tombstone, expires_at = excluded.expires_at,
    content_type = excluded.content_type, digest = excluded.digest, value = excluded.value`;

export const entryColumns = 'key, epoch, seq, tombstone, expires_at, content_type, digest, value';
/** The end comes as bytes, for it is no text (entry-rows.ts). */
const beforeEnd = 'key < CAST(? AS TEXT) ORDER BY key LIMIT ?';
const logColumns = 'first_seq, last_seq, epoch, committed_at, event';

/** Batches dropped from the log in one turn, so that no turn is long. */
const trimBatchesMax = 2000;

export function entryOf(row: EntryRow): Entry {
  const { key, epoch, seq, expires_at: expiresAt, content_type: contentType, digest, value } = row;
  return { key, epoch, seq, tombstone: row.tombstone === 1, expiresAt, contentType, digest, value };
}

/** All rows, by their keys; to be ended before the database is closed. */
export function* entriesOf(database: Database.Database): Generator<Entry, void> {
  const rows = database.prepare('SELECT * FROM entries ORDER BY key').iterate();
  for (const row of rows as IterableIterator<EntryRow>) yield entryOf(row);
}

export function entryOfTuple(row: EntryTuple | BucketTuple): Entry {
  const [key, epoch, seq, tombstone, expiresAt, contentType, digest, value] = row;
  return { key, epoch, seq, tombstone: tombstone === 1, expiresAt, contentType, digest, value };
}

export function collectableOf({ key, epoch, seq, tombstone, bytes }: CollectableRowRow): CollectableRow {
  return { key, version: { epoch, seq }, tombstone: tombstone === 1, bytes };
}

export function logRowOf(row: LogRowRow): LogRow {
  const { first_seq: firstSeq, last_seq: lastSeq, epoch, committed_at: committedAt, event } = row;
  return { firstSeq, lastSeq, epoch, committedAt, event };
}

/** An orphan is kept as a batch of its own, readable like any event. */
export function orphanBytes({ version, operation }: Orphan, shard: number, committedAt: number): Buffer {
  const { epoch, seq: firstSeq } = version;
  const roots = { prevRoot: zeroDigest(), postRoot: zeroDigest() };
  return encodeBatch({ shard, epoch, firstSeq, ops: [operation], committedAt, ...roots });
}

export function orphanOf({ epoch, seq, operation, offered }: OrphanRow): Orphan[] {
  const version = { epoch, seq };
  return decodeBatch(operation).ops.flatMap((op) =>
    'key' in op ? [{ version, operation: op, offered: offered === 1 }] : [],
  );
}

/** The replica sets that the log has named, in order. */
export function setsOf(database: Database.Database): ReplicaSet[] {
  const rows = database.prepare('SELECT seq, members FROM sets ORDER BY seq').all() as SetRow[];
  return rows.map(({ seq, members }) => ({ seq, members: JSON.parse(members) as string[] }));
}

export function stateOf(database: Database.Database): ShardState {
  const row = database.prepare('SELECT * FROM meta').get() as MetaRow;
  return {
    applied: { epoch: row.epoch, seq: row.seq },
    root: new Uint8Array(row.root),
    drift: new Uint8Array(row.drift),
    suspect: row.suspect === 1,
    settleSeq: row.settle_seq,
    confirmedSeq: row.confirmed_seq,
    streamSeq: row.stream_seq,
    streamCreatedAt: row.stream_created_at,
    collected: { seq: row.collected_seq, epoch: row.collected_epoch },
    set: setsOf(database).at(-1) ?? unknownSet,
  };
}

export type Statements = ReturnType<typeof prepare>;

export function prepare(database: Database.Database) {
  const sql = (text: string): Database.Statement => database.prepare(text);
  return {
    // As a tuple: it stands on the path of every operation, and names of columns cost.
    entry: sql(`SELECT ${entryColumns} FROM entries WHERE key = ?`).raw(),
    entriesFrom: sql(`SELECT ${entryColumns} FROM entries WHERE key >= ? AND ${beforeEnd}`).raw(),
    entriesAfter: sql(`SELECT ${entryColumns} FROM entries WHERE key > ? AND ${beforeEnd}`).raw(),
    begin: sql('BEGIN'),
    commit: sql('COMMIT'),
    rollback: sql('ROLLBACK'),
    putEntry: sql(putEntrySql),
    putEntryTellingId: sql(`${putEntrySql} RETURNING id`).pluck(),
    /** Where the row is, is known: its key is not looked for in the index. */
    putEntryAt: sql(`
      UPDATE entries SET epoch = ?, seq = ?, tombstone = ?, expires_at = ?, content_type = ?, digest = ?,
        value = ? WHERE id = ? AND key = ?`),
    tombstones: sql(`
      SELECT key, epoch, seq, tombstone, length(value) AS bytes FROM entries
      WHERE tombstone = 1 AND seq <= ? ORDER BY seq LIMIT ?`),
    expired: sql(`
      SELECT key, epoch, seq, tombstone, length(value) AS bytes FROM entries
      WHERE tombstone = 0 AND expires_at <= ? AND seq <= ? ORDER BY expires_at, seq LIMIT ?`),
    countTombstones: sql('SELECT count(*) FROM (SELECT 1 FROM entries WHERE tombstone = 1 LIMIT ?)').pluck(),
    removeEntry: sql('DELETE FROM entries WHERE key = ?'),
    leaves: sql('SELECT seq, digests FROM leaves'),
    putLeaves: sql('UPDATE leaves SET seq = ?, digests = ?'),
    movesAfter: sql('SELECT leaf_moves FROM log WHERE first_seq > ? ORDER BY first_seq').pluck(),
    putMeta: sql(`
      UPDATE meta SET epoch = ?, seq = ?, root = ?, drift = ?, suspect = ?, settle_seq = ?, confirmed_seq = ?,
        stream_seq = ?, stream_created_at = ?, collected_seq = ?, collected_epoch = ? WHERE id = 1`),
    logAfter: sql(`SELECT ${logColumns} FROM log WHERE first_seq > ? ORDER BY first_seq`),
    logAt: sql(`SELECT ${logColumns} FROM log WHERE first_seq = ?`),
    logEnd: sql(`SELECT ${logColumns} FROM log ORDER BY first_seq DESC LIMIT 1`),
    // Both ends by the key: an aggregate of last_seq would read the whole log.
    logRange: sql(`
      SELECT (SELECT first_seq FROM log ORDER BY first_seq LIMIT 1) AS firstSeq,
        (SELECT last_seq FROM log ORDER BY first_seq DESC LIMIT 1) AS lastSeq`),
    logBytes: sql('SELECT coalesce(sum(length(event)), 0) AS bytes FROM log'),
    logSizes: sql(`
      SELECT first_seq, length(event) AS bytes FROM log WHERE last_seq <= ? ORDER BY first_seq
      LIMIT ${trimBatchesMax}`),
    trimLog: sql('DELETE FROM log WHERE first_seq <= ?'),
    putLog: sql(`
      INSERT INTO log (first_seq, last_seq, epoch, committed_at, leaf_moves, event)
      VALUES (?, ?, ?, ?, ?, ?)`),
    cutLog: sql('DELETE FROM log WHERE last_seq > ?'),
    epochs: sql('SELECT epoch, first_seq AS firstSeq, node, stream FROM epochs ORDER BY epoch'),
    putEpoch: sql('INSERT INTO epochs VALUES (?, ?, ?, ?)'),
    putSet: sql('INSERT INTO sets VALUES (?, ?)'),
    cutSets: sql('DELETE FROM sets WHERE seq > ?'),
    cutEpochs: sql('DELETE FROM epochs WHERE first_seq > ?'),
    answer: sql('SELECT fingerprint, result FROM requests WHERE id = ?'),
    putAnswer: sql('INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?, ?, ?)'),
    cutAnswers: sql('DELETE FROM requests WHERE seq > ?'),
    forgetAnswers: sql(
      'DELETE FROM requests WHERE id IN (SELECT id FROM requests WHERE kept_at < ? ORDER BY kept_at LIMIT ?)',
    ),
    putQuarantine: sql('INSERT INTO quarantine (kind, name, reason, bytes, kept_at) VALUES (?, ?, ?, ?, ?)'),
    quarantined: sql('SELECT kind, name, reason, bytes FROM quarantine ORDER BY id'),
    putOrphan: sql('INSERT OR REPLACE INTO orphans VALUES (?, ?, ?, ?, ?)'),
    orphans: sql('SELECT epoch, seq, operation, offered FROM orphans ORDER BY epoch, seq'),
    markOrphan: sql('UPDATE orphans SET offered = 1 WHERE epoch = ? AND seq = ?'),
    dropOrphan: sql('DELETE FROM orphans WHERE epoch = ? AND seq = ?'),
    counts: sql(
      'SELECT (SELECT count(*) FROM quarantine) AS quarantined, (SELECT count(*) FROM orphans) AS orphans',
    ),
  };
}
