/**
 * Reads rows as they are on disk. The connection that writes keeps pages in its cache and would go on showing
 * what it wrote long after the file has rotted; so whoever looks for rot reads here, by a connection of its
 * own that forgets its pages after every question.
 */
import { bucketCount } from '@driftless/contracts';
import Database from 'better-sqlite3';
import type { Entry } from '../core/entry.ts';
import type { KeptDigest } from '../store/port.ts';
import { bucketPartSql, bucketPartsSql } from './schema.ts';
import { type BucketTuple, type EntryTuple, entryColumns, entryOfTuple } from './statements.ts';

/** Of a larger file the rest is read by calls. */
const mappedBytesMax = 2 ** 31 - 2 ** 16;
/** Rows taken at a time of all that there are. */
const rowsAtATime = 500;
/** Rows that are worth a question of their own, where buckets are read one after the other. */
const someRows = 16;

export class DiskReader {
  readonly #database: Database.Database;
  readonly #lastId: Database.Statement;
  readonly #rows: Database.Statement;
  readonly #bucketRows: Database.Statement;
  readonly #bucketDigests: Database.Statement;
  readonly #bucketsIn: Database.Statement;
  #bucketsAtATime = 1;

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
    const ids = `SELECT id FROM entries WHERE id > ? ORDER BY id LIMIT ${rowsAtATime}`;
    this.#lastId = this.#database.prepare(`SELECT max(id) FROM (${ids})`).pluck();
    const inTurn = `SELECT ${entryColumns} FROM entries WHERE id > ? AND id <= ?`;
    this.#rows = this.#database.prepare(inTurn).raw();
  }

  /** Each part as of its own last commit. By their places: in the order of keys each would be looked for. */
  *rows(): Generator<Entry[], void> {
    for (let after = 0; ; ) {
      const last = this.#lastId.get(after) as number | null;
      if (last === null) return;
      const rows = this.#rows.all(after, last) as EntryTuple[];
      this.#forgetPages();
      yield rows.map(entryOfTuple);
      after = last;
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
