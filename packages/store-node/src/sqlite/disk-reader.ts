/**
 * Reads rows as they are on disk. The connection that writes keeps pages in its cache and would go on showing
 * what it wrote long after the file has rotted; so whoever looks for rot reads here, by a connection of its
 * own that forgets its pages after every question.
 */
import Database from 'better-sqlite3';
import type { Entry } from '../core/entry.ts';
import type { KeptDigest } from '../store/port.ts';
import { type BucketTuple, type EntryTuple, entryColumns, entryOfTuple } from './statements.ts';

/** Of a larger file the rest is read by calls. */
const mappedBytesMax = 2 ** 31 - 2 ** 16;
/** Rows taken at a time of all that there are. */
const rowsAtATime = 500;

export class DiskReader {
  readonly #database: Database.Database;
  readonly #lastId: Database.Statement;
  readonly #rows: Database.Statement;
  readonly #bucketRows: Database.Statement;
  readonly #bucketDigests: Database.Statement;
  readonly #bucketsFrom: Database.Statement;

  constructor(file: string) {
    this.#database = new Database(file, { readonly: true });
    // By the pages of the operating system: without a copy, and without a call for each.
    this.#database.pragma(`mmap_size = ${mappedBytesMax}`);
    const sql = `SELECT ${entryColumns} FROM entries WHERE bucket = ?`;
    this.#bucketRows = this.#database.prepare(sql).raw();
    const ids = `SELECT id FROM entries WHERE id > ? ORDER BY id LIMIT ${rowsAtATime}`;
    this.#lastId = this.#database.prepare(`SELECT max(id) FROM (${ids})`).pluck();
    const inTurn = `SELECT ${entryColumns} FROM entries WHERE id > ? AND id <= ?`;
    this.#rows = this.#database.prepare(inTurn).raw();
    // As text: a string comes out of SQLite at a fraction of what a Buffer costs.
    const digests = 'SELECT key, seq, hex(digest) FROM entries WHERE bucket = ?';
    this.#bucketDigests = this.#database.prepare(digests).raw();
    const inBuckets = `SELECT ${entryColumns}, bucket FROM entries WHERE bucket >= ? ORDER BY bucket`;
    this.#bucketsFrom = this.#database.prepare(inBuckets).raw();
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
    const rows = this.#bucketRows.all(bucket) as EntryTuple[];
    this.#forgetPages();
    return rows.map(entryOfTuple);
  }

  /** As of the last commit, without looking at values. */
  bucketDigests(bucket: number): KeptDigest[] {
    const rows = this.#bucketDigests.all(bucket) as [key: string, seq: number, digest: string][];
    this.#forgetPages();
    return rows.map(([key, seq, digest]) => ({ key, seq, digest }));
  }

  /** Those that have rows, in order, as of one commit. Until it is ended nothing else is read. */
  *buckets(from: number): Generator<readonly [bucket: number, rows: Entry[]], void> {
    let bucket = from;
    let entries: Entry[] = [];
    try {
      for (const row of this.#bucketsFrom.iterate(from) as IterableIterator<BucketTuple>) {
        const [, , , , , , , , next] = row;
        if (next !== bucket && entries.length > 0) {
          yield [bucket, entries];
          entries = [];
        }
        bucket = next;
        entries.push(entryOfTuple(row));
      }
    } finally {
      this.#forgetPages();
    }
    if (entries.length > 0) yield [bucket, entries];
  }

  /** By `exec`, which makes no statement for JavaScript: half of what a small bucket costs. */
  #forgetPages(): void {
    this.#database.exec('PRAGMA shrink_memory');
  }

  close(): void {
    this.#database.close();
  }
}
