/**
 * The files of one shard in a node's directory, and how a snapshot takes the place of a replica:
 *
 *     shard-0.db            the replica (with -wal and -shm beside it while it is open)
 *     shard-0.db.outgoing   a copy on its way to a peer
 *     shard-0.db.incoming   a copy from a peer, until it is audited
 *     shard-0.db.replaced   the replica that a snapshot replaces, until the new one is open
 *     shard-0.db.damaged    a file that SQLite could not read; kept for people
 *
 * Installing is two renames; a crash between them is settled at the next start, in favour of the old file.
 *
 * A file that was not closed in order (its -wal is there) is checked before it is used, and a damaged one is
 * set aside: the replica begins empty and takes everything from its peers. An error that SQLite meets later
 * ends the process, which leads here. The check reads the whole file, a second or so for a gigabyte.
 */
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { ReplicaFiles, ShardStore } from '../store/port.ts';
import { hasForeignTables } from './schema.ts';
import { SqliteStore, type SqliteStoreOptions } from './store.ts';

export interface ShardFilesOptions extends Omit<SqliteStoreOptions, 'file'> {
  directory: string;
  /** A damaged file was set aside. */
  onDamage?: (reason: string) => void;
}

/** Pages that a copy takes before other work gets its turn. */
const copyPagesPerTurn = 256;

export class ShardFiles implements ReplicaFiles {
  readonly #options: ShardFilesOptions;
  readonly #file: string;

  constructor(options: ShardFilesOptions) {
    this.#options = options;
    this.#file = join(options.directory, `shard-${options.shard}.db`);
  }

  get outgoing(): string {
    return `${this.#file}.outgoing`;
  }

  get incoming(): string {
    return `${this.#file}.incoming`;
  }

  get #replaced(): string {
    return `${this.#file}.replaced`;
  }

  exists(): boolean {
    return existsSync(this.#file) || existsSync(this.#replaced);
  }

  sizes(): { db: number; wal: number } {
    const bytesOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    return { db: bytesOf(this.#file), wal: bytesOf(`${this.#file}-wal`) };
  }

  remove(): void {
    for (const file of [this.outgoing, this.incoming, this.#replaced, this.#file]) removeDatabase(file);
  }

  /** Opens the replica, or makes an empty one. */
  open(): SqliteStore {
    mkdirSync(this.#options.directory, { recursive: true });
    if (!existsSync(this.#file) && existsSync(this.#replaced)) renameSync(this.#replaced, this.#file);
    for (const file of [this.outgoing, this.incoming, this.#replaced]) removeDatabase(file);
    const damage = existsSync(`${this.#file}-wal`) ? damageOf(this.#file) : undefined;
    if (damage !== undefined) this.#setAside(damage);
    try {
      return this.#openReplica();
    } catch (error) {
      if (!isDamage(error) && !(isMisfit(error) && hasForeignTables(this.#file))) throw error;
      this.#setAside(error.message);
      return this.#openReplica();
    }
  }

  #openReplica(): SqliteStore {
    return new SqliteStore({ ...this.#options, file: this.#file });
  }

  #setAside(reason: string): void {
    const damaged = `${this.#file}.damaged`;
    removeDatabase(damaged);
    for (const suffix of suffixes) {
      const from = `${this.#file}${suffix}`;
      if (existsSync(from)) renameSync(from, `${damaged}${suffix}`);
    }
    this.#options.onDamage?.(reason);
  }

  async copyOut(store: ShardStore): Promise<void> {
    if (!(store instanceof SqliteStore)) throw new TypeError('Only a replica on disk can be copied.');
    removeDatabase(this.outgoing);
    await store.backup(this.outgoing, copyPagesPerTurn);
  }

  discard(file: string): void {
    removeDatabase(file);
  }

  /** Opens what was received; throws when it is no file of this cluster and shard. */
  openIncoming(): SqliteStore {
    return new SqliteStore({ ...this.#options, file: this.incoming });
  }

  async syncIncoming(): Promise<void> {
    const file = await open(this.incoming, 'r+');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /**
   * Puts the received file in the place of the replica. What this node has set aside (orphans, quarantine) is
   * its own, and goes over. `current` is closed; the new store is open when this returns.
   */
  install(current: ShardStore): SqliteStore {
    const incoming = this.openIncoming();
    incoming.replaceKept(current.orphans(), current.quarantined());
    incoming.close();
    current.close();
    renameSync(this.#file, this.#replaced);
    removeDatabase(this.#file);
    renameSync(this.incoming, this.#file);
    const installed = this.#openReplica();
    removeDatabase(this.#replaced);
    return installed;
  }
}

/** Of a database file, and of what SQLite keeps beside it. */
const suffixes = ['', '-wal', '-shm'];

/** What SQLite finds wrong with a file, if it does. */
function damageOf(file: string): string | undefined {
  try {
    const database = new Database(file);
    try {
      const found = database.pragma('integrity_check(1)', { simple: true }) as string;
      return found === 'ok' ? undefined : found;
    } finally {
      database.close();
    }
  } catch (error) {
    if (isDamage(error)) return error.message;
    throw error;
  }
}

const damageCodes = /^SQLITE_(CORRUPT|NOTADB|IOERR_SHORT_READ)/;

function isDamage(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && damageCodes.test(String(error.code));
}

/** SQL of ours does not fit the tables of the file. */
function isMisfit(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'SQLITE_ERROR';
}

function removeDatabase(file: string): void {
  for (const suffix of suffixes) rmSync(`${file}${suffix}`, { force: true });
}
