/**
 * The rows of entries: read by key and by prefix, and written. Of rows that were written lately the head is
 * remembered, and the place in the table of those that were written more than once.
 */
import { Buffer } from 'node:buffer';
import { bucketOf } from '@driftless/contracts';
import type { Entry, Head } from '../core/entry.ts';
import type { ListQuery } from '../store/port.ts';
import { HeadCache } from './head-cache.ts';
import { type EntryTuple, entryOfTuple, type Statements } from './statements.ts';

/** No byte of UTF-8: what ends with it comes behind all keys that begin with what stands before it. */
const pastAll = Buffer.from([0xff]);

export class EntryRows {
  readonly #statements: Statements;
  readonly #heads: HeadCache;

  constructor(statements: Statements, headsCachedMax: number) {
    this.#statements = statements;
    this.#heads = new HeadCache(headsCachedMax);
  }

  get(key: string): Entry | undefined {
    const row = this.#statements.entry.get(key) as EntryTuple | undefined;
    return row && entryOfTuple(row);
  }

  head(key: string): Entry | Head | undefined {
    return this.#heads.get(key) ?? this.get(key);
  }

  /** Keys from the prefix on, in byte order, as long as they begin with it. */
  list({ prefix, after, limit }: ListQuery): Entry[] {
    const { entriesFrom, entriesAfter } = this.#statements;
    const first = Buffer.from(prefix);
    const isInside = after !== '' && Buffer.compare(Buffer.from(after), first) >= 0;
    const end = Buffer.concat([first, pastAll]);
    const rows = isInside ? entriesAfter.all(after, end, limit) : entriesFrom.all(prefix, end, limit);
    return (rows as EntryTuple[]).map(entryOfTuple);
  }

  /** In the transaction under way. */
  write({ key, epoch, seq, tombstone, expiresAt, contentType, digest, value }: Entry): void {
    const { putEntry, putEntryTellingId, putEntryAt } = this.#statements;
    const deleted = tombstone ? 1 : 0;
    const id = this.#heads.idOf(key);
    if (id) {
      // Each by itself, for spreading a row into arguments costs a sixth of handing them over.
      const done = putEntryAt.run(epoch, seq, deleted, expiresAt, contentType, digest, value, id, key);
      // A row that is not where it was is damaged, and is written anew.
      if (done.changes === 1) return;
    }
    const row = [epoch, seq, deleted, expiresAt, contentType, digest, value, key, bucketOf(key)];
    if (id === undefined) putEntry.run(row);
    else this.#heads.noteId(key, putEntryTellingId.get(row) as number);
  }

  /** The transaction that wrote and removed these is over. */
  committed(entries: readonly Entry[], removed: readonly string[]): void {
    for (const key of removed) this.#heads.delete(key);
    for (const entry of entries) this.#heads.set(entry);
  }
}
