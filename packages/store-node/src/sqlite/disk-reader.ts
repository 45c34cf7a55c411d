/**
 * Reads rows as they are on disk. The connection that writes keeps pages in its cache and would go on showing
 * what it wrote long after the file has rotted; so whoever looks for rot reads here, by a connection of its
 * own that forgets its pages after every question.
 */
import { bucketCount, digestBytes } from '@driftless/contracts';
import Database from 'better-sqlite3';
import type { Entry } from '../core/entry.ts';
import type { KeptDigest, RowForms } from '../store/port.ts';
import { bucketPartSql, bucketPartsSql } from './schema.ts';
import { type BucketTuple, type EntryTuple, entryColumns, entryOfTuple } from './statements.ts';

/** Of a larger file the rest is read by calls. */
const mappedBytesMax = 2 ** 31 - 2 ** 16;
/** Rows taken at a time of all that there are, and bytes of their values, unless one is larger by itself. */
const [rowsAtATime, valueBytesAtATime] = [500, 4 * 1024 * 1024];
/** Rows that are worth a question of their own, where buckets are read one after the other. */
const someRows = 16;

/**
 * Rows as bytes that their digests are made of (contracts/digest.ts), put together by SQLite: a column that
 * comes out by itself costs more than the hash of the whole row. A row that is not of the types of its table
 * has rotted, and could pass here for what it was.
 */
const rowForms = `
  SELECT count(*), CAST(group_concat(
    digest || concat_ws(' ', octet_length(key), octet_length(content_type), octet_length(value), epoch, seq,
      tombstone, ifnull(expires_at, '-')) || char(10) || key || content_type || value, '') FILTER (
    WHERE typeof(digest) = 'blob' AND octet_length(digest) = ${digestBytes} AND typeof(key) = 'text'
      AND typeof(content_type) = 'text' AND typeof(value) = 'blob' AND typeof(epoch) = 'integer'
      AND typeof(seq) = 'integer' AND typeof(tombstone) = 'integer'
      AND typeof(expires_at) IN ('integer', 'null')) AS BLOB)
  FROM entries WHERE id > ? AND id <= ?`;

export class DiskReader {
  readonly #database: Database.Database;
  readonly #span: Database.Statement;
  readonly #forms: Database.Statement;
  readonly #bucketRows: Database.Statement;
  readonly #bucketDigests: Database.Statement;
  readonly #bucketsIn: Database.Statement;
  readonly #newestId: Database.Statement;
  #bucketsAtATime = 1;
  /** Of a row, when buckets were read last. */
  #idThen = 0;

  constructor(file: string) {
    this.#database = new Database(file, { readonly: true });
    // By the pages of the operating system: without a copy, and without a call for each.
    this.#database.pragma(`mmap_size = ${mappedBytesMax}`);
    // Between two bounds also where it is one bucket: SQLite compares what is bound to an equality with the
    // conditions of partial indexes, and so prepares the statement anew each time.
    const select = (columns: string): Database.Statement =>
      this.#database.prepare(`${bucketPartsSql}
        SELECT ${columns} FROM parts CROSS JOIN entries
        ON ${bucketPartSql} = part AND bucket >= ? AND bucket < ?`);
    this.#bucketRows = select(entryColumns).raw();
    // As text: a string comes out of SQLite at a fraction of what a Buffer costs.
    this.#bucketDigests = select('key, seq, hex(digest)').raw();
    this.#bucketsIn = select(`${entryColumns}, bucket`).raw();
    this.#newestId = this.#database.prepare('SELECT ifnull(max(id), 0) FROM entries').pluck();
    const some = 'SELECT id, octet_length(value) AS bytes FROM entries WHERE id > ? ORDER BY id LIMIT ?';
    this.#span = this.#database.prepare(`SELECT max(id), sum(bytes) FROM (${some})`).raw();
    this.#forms = this.#database.prepare(rowForms).raw();
  }

  /** Each part as of its own last commit. By their places: in the order of keys each would be looked for. */
  *forms(): Generator<RowForms, void> {
    for (let after = 0; ; ) {
      const last = this.#endOfSome(after);
      if (last === null) return;
      const [rows, bytes] = this.#forms.get(after, last) as [rows: number, bytes: Uint8Array | null];
      this.#forgetPages();
      yield { rows, bytes: bytes ?? new Uint8Array() };
      after = last;
    }
  }

  /** Where as many rows end as are taken at a time: fewer, where their values are large. */
  #endOfSome(after: number): number | null {
    for (let rows = rowsAtATime; ; rows = Math.ceil(rows / 8)) {
      const [last, bytes] = this.#span.get(after, rows) as [last: number | null, bytes: number | null];
      if (rows === 1 || (bytes ?? 0) <= valueBytesAtATime) return last;
    }
  }

  /** As of the last commit. */
  bucketRows(bucket: number): Entry[] {
    const rows = this.#bucketRows.all(bucket, bucket + 1) as EntryTuple[];
    this.#forgetPages();
    return rows.map(entryOfTuple);
  }

  /** As of the last commit, without looking at values. */
  bucketDigests(bucket: number): KeptDigest[] {
    const rows = this.#bucketDigests.all(bucket, bucket + 1) as [key: string, seq: number, digest: string][];
    this.#forgetPages();
    return rows.map(([key, seq, digest]) => ({ key, seq, digest }));
  }

  /** Those that have rows, in order; so many at a time that there are about some rows to read. */
  *buckets(from: number): Generator<readonly [bucket: number, rows: Entry[]], void> {
    try {
      this.#heedNewRows();
      for (let start = from; start < bucketCount; ) {
        const end = Math.min(start + this.#bucketsAtATime, bucketCount);
        const rows = this.#bucketsIn.all(start, end) as BucketTuple[];
        if (rows.length < someRows) this.#bucketsAtATime = Math.min(this.#bucketsAtATime * 2, bucketCount);
        if (rows.length > 2 * someRows) this.#bucketsAtATime = Math.ceil(this.#bucketsAtATime / 2);
        yield* inBuckets(rows);
        start = end;
      }
    } finally {
      this.#forgetPages();
    }
  }

  /** Rows that came since buckets were read last are in all of them: as many buckets have more rows now. */
  #heedNewRows(): void {
    const newest = this.#newestId.get() as number;
    const came = Math.max(1, newest - this.#idThen);
    this.#idThen = newest;
    const enough = Math.ceil((2 * someRows * bucketCount) / came);
    this.#bucketsAtATime = Math.min(this.#bucketsAtATime, enough);
  }

  /** By `exec`, which makes no statement for JavaScript: half of what a small bucket costs. */
  #forgetPages(): void {
    this.#database.exec('PRAGMA shrink_memory');
  }

  close(): void {
    this.#database.close();
  }
}

function inBuckets(rows: readonly BucketTuple[]): [bucket: number, rows: Entry[]][] {
  const found = new Map<number, Entry[]>();
  for (const row of rows) {
    const bucket = row[8];
    const others = found.get(bucket);
    if (others) others.push(entryOfTuple(row));
    else found.set(bucket, [entryOfTuple(row)]);
  }
  return [...found].sort(([one], [other]) => one - other);
}
