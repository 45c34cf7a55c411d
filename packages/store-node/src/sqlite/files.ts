/**
 * The files of one shard in a node's directory, and how a snapshot takes the place of a replica:
 *
 *     shard-0.db            the replica (with -wal and -shm beside it while it is open)
 *     shard-0.db.outgoing   a copy on its way to a peer
 *     shard-0.db.incoming   a copy from a peer, until it is audited
 *     shard-0.db.replaced   the replica that a snapshot replaces, until the new one is open
 *
 * Installing is two renames; a crash between them is settled at the next start, in favour of the old file.
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ReplicaFiles, ShardStore } from '../store/port.ts';
import { SqliteStore, type SqliteStoreOptions } from './store.ts';

export interface ShardFilesOptions extends Omit<SqliteStoreOptions, 'file'> {
  directory: string;
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

  /** Opens the replica, or makes an empty one. */
  open(): SqliteStore {
    mkdirSync(this.#options.directory, { recursive: true });
    if (!existsSync(this.#file) && existsSync(this.#replaced)) renameSync(this.#replaced, this.#file);
    for (const file of [this.outgoing, this.incoming, this.#replaced]) removeDatabase(file);
    return new SqliteStore({ ...this.#options, file: this.#file });
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
    const installed = new SqliteStore({ ...this.#options, file: this.#file });
    removeDatabase(this.#replaced);
    return installed;
  }
}

/** A database file with what SQLite keeps beside it. */
function removeDatabase(file: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
}
