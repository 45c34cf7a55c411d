/**
 * When the write-ahead log of one file goes over to the file. With a thread for it: that one copies what
 * there is, while batches are committed as ever; then a short checkpoint here, between two commits, copies
 * what came meanwhile, and the log begins at its start again. Without a thread, or when it can't follow,
 * SQLite checkpoints by itself in a commit, so the WAL is bounded in any case.
 */
import type Database from 'better-sqlite3';
import { type CheckpointOrder, takeBack } from './checkpoint-order.ts';
import type { CheckpointThread } from './checkpoint-thread.ts';

export interface WalOptions {
  /** SQLite page size of a new file, bytes. */
  pageBytes: number;
  /** Pages in the WAL at which they are copied to the file. */
  walCheckpointPages: number;
  checkpoints?: { thread: CheckpointThread; onError: (error: Error) => void } | undefined;
}

/** By so much may the WAL outgrow its pages, before the thread that writes checkpoints itself. */
const outgrows = 4;
/** Pages that a commit may write for itself, and for a row besides its bytes: a guess on the safe side. */
const [pagesOfCommit, pagesOfRow] = [8, 4];
/** The part of the pages of a checkpoint after which the WAL is looked at again. */
const lookEvery = 1 / 16;

export class Wal {
  readonly #database: Database.Database;
  readonly #options: WalOptions;
  readonly #pages: Database.Statement;
  #order: CheckpointOrder | undefined;
  /** Pages at which the next order is due. */
  #dueAt: number;
  /** Pages that may have been written since the WAL was looked at. */
  #unseen = 0;

  constructor(database: Database.Database, options: WalOptions) {
    const { walCheckpointPages, checkpoints } = options;
    this.#database = database;
    this.#options = options;
    this.#dueAt = walCheckpointPages;
    database.pragma('journal_mode = WAL');
    database.pragma(`wal_autocheckpoint = ${walCheckpointPages * (checkpoints ? outgrows : 1)}`);
    // Only looks; SQLite prepares it anew each time.
    this.#pages = database.prepare('PRAGMA wal_checkpoint(NOOP)').raw();
  }

  /** So many rows and bytes of values and events. */
  committed(rows: number, bytes: number): void {
    const { checkpoints, walCheckpointPages, pageBytes } = this.#options;
    if (!checkpoints || this.#order) return;
    this.#unseen += pagesOfCommit + pagesOfRow * rows + bytes / pageBytes;
    if (this.#unseen < walCheckpointPages * lookEvery) return;
    this.#unseen = 0;
    if (this.#size().pages < this.#dueAt) return;
    this.#order = checkpoints.thread.order(this.#database.name, (error) => this.#finish(error));
  }

  close(): void {
    if (this.#order) takeBack(this.#order);
    this.#order = undefined;
  }

  #finish(error: Error | undefined): void {
    // Closed meanwhile.
    if (!this.#order) return;
    this.#order = undefined;
    try {
      if (error) throw error;
      this.#database.pragma('wal_checkpoint(PASSIVE)');
    } catch (error) {
      this.#options.checkpoints?.onError(error as Error);
    }
    const { pages, copied } = this.#size();
    // While somebody reads on at an older commit the WAL grows, and trying again at once would gain nothing.
    this.#dueAt = (copied === pages ? 0 : pages) + this.#options.walCheckpointPages;
  }

  #size(): { pages: number; copied: number } {
    const [, pages, copied] = this.#pages.get() as [busy: number, pages: number, copied: number];
    return { pages, copied };
  }
}
