/**
 * The write-ahead log of one file: when it is on disk, and when it goes over to the file.
 *
 * SQLite runs with `synchronous=NORMAL`: a commit appends to the WAL and syncs nothing, so it waits for no
 * disk. `sync` is the one that does, for all commits before it: frames are in the WAL in the order of
 * commits, so what a power failure takes are the last ones, whole. What it syncs is the very file that
 * `synchronous=FULL` would. Everything else stays with SQLite: it syncs the WAL before a checkpoint, the file
 * after it, and the header of a WAL that begins anew.
 *
 * With a thread for checkpoints, that one copies what there is to the file, while batches are committed as
 * ever; then a short checkpoint here, between two commits, copies what came meanwhile, and the log begins at
 * its start again. Without a thread, or when it can't follow, SQLite checkpoints by itself in a commit, so
 * the WAL is bounded in any case.
 *
 * Nobody but these writes to the file; so once all that was committed is there, it can be held as it is for a
 * while, and commits stay in the WAL. The hold is lost when the WAL outgrows itself.
 */
import { closeSync, fdatasyncSync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
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

/** The file is as it was at one commit until the hold is released, or lost. */
export interface Hold {
  isLost: boolean;
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
  /** Of the WAL's file, which is there from the first commit on until the database is closed. */
  #descriptor: number | undefined;
  #order: CheckpointOrder | undefined;
  /** Resolves when the order under way has ended. */
  #ordered: Promise<void> | undefined;
  #hold: Hold | undefined;
  /** Pages at which the next order is due. */
  #dueAt: number;
  /** Pages that may have been written since the WAL was looked at. */
  #unseen = 0;

  constructor(database: Database.Database, options: WalOptions) {
    const { walCheckpointPages } = options;
    this.#database = database;
    this.#options = options;
    this.#dueAt = walCheckpointPages;
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = NORMAL');
    this.#checkpointInCommits();
    // Only looks; SQLite prepares it anew each time.
    this.#pages = database.prepare('PRAGMA wal_checkpoint(NOOP)').raw();
  }

  /** All commits before are on disk when it returns. Throws what the file system says. */
  sync(): void {
    if (this.#descriptor === undefined) {
      this.#descriptor = openSync(`${this.#database.name}-wal`, 'r+');
      // SQLite removes the file when it is closed and makes it anew: its name must be on disk as well.
      syncDirectory(dirname(this.#database.name));
    }
    fdatasyncSync(this.#descriptor);
  }

  /** So many rows, and bytes of values and events, were written by the transaction under way. */
  wrote(rows: number, bytes: number): void {
    this.#unseen += pagesOfCommit + pagesOfRow * rows + bytes / this.#options.pageBytes;
  }

  /** No transaction is under way. */
  committed(): void {
    const { checkpoints, walCheckpointPages } = this.#options;
    if ((!checkpoints && !this.#hold) || this.#order) return;
    if (this.#unseen < walCheckpointPages * lookEvery) return;
    this.#unseen = 0;
    const { pages } = this.#size();
    if (this.#hold) {
      if (pages >= this.#pagesMax) this.#loseHold();
    } else if (pages >= this.#dueAt) this.#orderCheckpoint();
  }

  /** Undefined while the file is held already, or somebody reads on at an older commit. */
  async hold(): Promise<Hold | undefined> {
    await (this.#ordered ?? this.#orderCheckpoint());
    // From here on in one turn: what the thread has left, and what came since.
    if (this.#order || this.#hold) return undefined;
    this.#database.pragma('wal_checkpoint(PASSIVE)');
    const { pages, copied } = this.#size();
    if (copied < pages) return undefined;
    this.#database.pragma('wal_autocheckpoint = 0');
    this.#hold = { isLost: false };
    return this.#hold;
  }

  release(hold: Hold): void {
    if (this.#hold !== hold) return;
    this.#hold = undefined;
    this.#checkpointInCommits();
  }

  #loseHold(): void {
    if (!this.#hold) return;
    this.#hold.isLost = true;
    this.release(this.#hold);
  }

  /** Where there is a thread, only when it does not follow. */
  #checkpointInCommits(): void {
    this.#database.pragma(`wal_autocheckpoint = ${this.#pagesMax}`);
  }

  get #pagesMax(): number {
    const { checkpoints, walCheckpointPages } = this.#options;
    return walCheckpointPages * (checkpoints ? outgrows : 1);
  }

  #orderCheckpoint(): Promise<void> | undefined {
    const thread = this.#options.checkpoints?.thread;
    this.#ordered =
      thread &&
      new Promise((resolve) => {
        this.#order = thread.order(this.#database.name, (error) => {
          this.#ordered = undefined;
          this.#finish(error);
          resolve();
        });
      });
    return this.#ordered;
  }

  close(): void {
    this.#loseHold();
    if (this.#order) takeBack(this.#order);
    this.#order = undefined;
    // No lock is lost by that: SQLite's locks are on the other files.
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
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

function syncDirectory(directory: string): void {
  // Windows knows no such thing.
  if (process.platform === 'win32') return;
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
