/**
 * The store on SQLite: WAL, one writing connection. A commit is written to the WAL; what must be on disk is
 * synced by itself (wal.ts), so that one sync does for many commits and other work fits in between. The
 * Merkle leaves are kept in memory (64 KiB); how they get to disk is told in leaf-journal.ts. Snapshots read
 * on a connection of their own, in one read transaction, and so hold up nobody.
 *
 * A failed commit (disk full, fsync error) is final: nobody knows what reached the disk, so the error goes up
 * and the process ends; SQLite's recovery at the next start tells what is there.
 */
import type { LeafDigests } from '@driftless/anti-entropy';
import type { Digest, EpochStart, Position, RecordedAnswer } from '@driftless/contracts';
import Database from 'better-sqlite3';
import type { Change, LogRow, Orphan, Quarantined } from '../core/change.ts';
import type { CollectableRow, CollectQuery } from '../core/collect.ts';
import type { Entry, Head } from '../core/entry.ts';
import type { ReplicaSet, ShardState } from '../core/state.ts';
import type { Counts, KeptDigest, ListQuery, RowForms, ShardStore, Snapshot } from '../store/port.ts';
import { DiskReader } from './disk-reader.ts';
import { EntryRows } from './entry-rows.ts';
import { FileCopy } from './file-copy.ts';
import { KeptRows } from './kept-rows.ts';
import { loadLeaves, movedLeaves } from './leaf-journal.ts';
import { openSchema } from './schema.ts';
import {
  type CollectableRowRow,
  collectableOf,
  entriesOf,
  type LogRowRow,
  type LogSizeRow,
  logRowOf,
  prepare,
  type Statements,
  setsOf,
  stateOf,
} from './statements.ts';
import { Wal, type WalOptions } from './wal.ts';

export interface SqliteStoreOptions extends WalOptions {
  /** Path of the file. */
  file: string;
  cluster: string;
  shard: number;
  /** Heads of rows that are kept in memory. */
  headsCachedMax: number;
}

/** Commits after which all leaves are written: what a start replays, against 64 KiB each time. */
const leavesEveryCommits = 128;

export class SqliteStore implements ShardStore {
  readonly #database: Database.Database;
  readonly #options: SqliteStoreOptions;
  readonly #statements: Statements;
  readonly #disk: DiskReader;
  readonly #wal: Wal;
  readonly #copy: FileCopy;
  readonly #leaves: LeafDigests;
  readonly #rows: EntryRows;
  readonly #kept: KeptRows;
  /** The leaves on disk are those of this seq. */
  #leavesSeq: number;
  #commitsSinceLeaves = 0;
  readonly #now: () => number;
  #state: ShardState;
  #counts: Counts;
  #logBytes: number;
  #logEndSeq: number;
  /** A transaction of several commits is under way. */
  #isTogether = false;

  /** `now`: wall clock in milliseconds, for rows that say when they were kept. */
  constructor(options: SqliteStoreOptions, now: () => number = Date.now) {
    this.#options = options;
    this.#now = now;
    const database = new Database(options.file);
    this.#database = database;
    database.pragma(`page_size = ${options.pageBytes}`);
    this.#wal = new Wal(database, options);
    this.#copy = new FileCopy(options.file, this.#wal);
    openSchema(database, options.cluster, options.shard);
    this.#statements = prepare(database);
    this.#disk = new DiskReader(options.file);
    this.#rows = new EntryRows(this.#statements, options.headsCachedMax);
    this.#kept = new KeptRows(this.#statements, options.shard);
    this.#state = stateOf(database);
    [this.#leaves, this.#leavesSeq] = loadLeaves(this.#statements);
    this.#counts = this.#statements.counts.get() as Counts;
    this.#logBytes = this.#countLogBytes();
    this.#logEndSeq = this.logRange()?.lastSeq ?? 0;
  }

  state(): ShardState {
    return this.#state;
  }

  get(key: string): Entry | undefined {
    return this.#rows.get(key);
  }

  head(key: string): Entry | Head | undefined {
    return this.#rows.head(key);
  }

  list(query: ListQuery): Entry[] {
    return this.#rows.list(query);
  }

  collectable({ throughSeq, expiredBy, limit }: CollectQuery): CollectableRow[] {
    const { tombstones, expired } = this.#statements;
    const deleted = tombstones.all(throughSeq, limit) as CollectableRowRow[];
    const rest = expired.all(expiredBy, throughSeq, limit - deleted.length) as CollectableRowRow[];
    return [...deleted, ...rest].map(collectableOf);
  }

  tombstones(max: number): number {
    return this.#statements.countTombstones.get(max) as number;
  }

  answer(id: string): RecordedAnswer | undefined {
    const row = this.#statements.answer.get(id) as { fingerprint: string; result: string } | undefined;
    return (
      row && { id, fingerprint: row.fingerprint, result: JSON.parse(row.result) as Record<string, unknown> }
    );
  }

  epochs(): (EpochStart & { node: string })[] {
    return this.#statements.epochs.all() as (EpochStart & { node: string })[];
  }

  sets(): ReplicaSet[] {
    return setsOf(this.#database);
  }

  forms(): Iterable<RowForms> {
    return this.#disk.forms();
  }

  bucketRows(bucket: number): Entry[] {
    return this.#disk.bucketRows(bucket);
  }

  bucketDigests(bucket: number): KeptDigest[] {
    return this.#disk.bucketDigests(bucket);
  }

  buckets(from: number): Iterable<readonly [bucket: number, rows: Entry[]]> {
    return this.#disk.buckets(from);
  }

  leaves(): LeafDigests {
    return this.#leaves.clone();
  }

  leaf(bucket: number): Digest {
    return this.#leaves.get(bucket);
  }

  leavesRoot(): Digest {
    return this.#leaves.root();
  }

  log(afterSeq: number, bytesMax: number): LogRow[] {
    const rows: LogRow[] = [];
    let bytes = 0;
    for (const row of this.#statements.logAfter.iterate(afterSeq) as IterableIterator<LogRowRow>) {
      bytes += row.event.length;
      if (rows.length > 0 && bytes > bytesMax) break;
      rows.push(logRowOf(row));
    }
    return rows;
  }

  logAt(firstSeq: number): LogRow | undefined {
    const row = this.#statements.logAt.get(firstSeq) as LogRowRow | undefined;
    return row && logRowOf(row);
  }

  logEnd(): LogRow | undefined {
    const row = this.#statements.logEnd.get() as LogRowRow | undefined;
    return row && logRowOf(row);
  }

  logRange(): { firstSeq: number; lastSeq: number } | undefined {
    const row = this.#statements.logRange.get() as { firstSeq: number | null; lastSeq: number };
    return row.firstSeq === null ? undefined : { firstSeq: row.firstSeq, lastSeq: row.lastSeq };
  }

  logEndSeq(): number {
    return this.#logEndSeq;
  }

  orphans(): Orphan[] {
    return this.#kept.orphans();
  }

  settleOrphan(version: Position, settlement: 'refused' | 'gone'): void {
    const changes = this.#kept.settleOrphan(version, settlement);
    if (settlement === 'gone') this.#counts = { ...this.#counts, orphans: this.#counts.orphans - changes };
  }

  quarantined(): Quarantined[] {
    return this.#kept.quarantined();
  }

  counts(): Counts {
    return this.#counts;
  }

  commit(change: Change): void {
    const { leafXors, state } = change;
    this.#commitsSinceLeaves += 1;
    // What has no row in the log, or takes rows off it, has to write them.
    const isDue = this.#commitsSinceLeaves >= leavesEveryCommits || change.cut || !change.log;
    const leaves =
      isDue && (leafXors.size > 0 || change.cut) ? movedLeaves(this.#leaves, leafXors) : undefined;
    if (this.#isTogether) this.#writeAll(change, leaves);
    else this.#transaction(() => this.#writeAll(change, leaves));
    const eventBytes = change.log?.event.length ?? 0;
    // Values are in the event, and again in their rows.
    this.#wal.wrote(change.entries.length + change.removed.length, 2 * eventBytes);
    if (!this.#isTogether) this.#wal.committed();
    leafXors.move(this.#leaves);
    this.#rows.committed(change.entries, change.removed);
    if (leaves) this.#leavesAreOnDisk(state.applied.seq);
    this.#state = state;
    this.#logBytes = change.cut ? this.#countLogBytes() : this.#logBytes + eventBytes;
    this.#logEndSeq = change.cut ? (this.logRange()?.lastSeq ?? 0) : (change.log?.lastSeq ?? this.#logEndSeq);
    this.#counts = {
      quarantined: this.#counts.quarantined + change.quarantine.length,
      orphans: this.#counts.orphans + (change.cut?.orphans.length ?? 0),
    };
  }

  together<Result>(work: () => Result): Result {
    this.#isTogether = true;
    try {
      const result = this.#transaction(work);
      this.#wal.committed();
      return result;
    } finally {
      this.#isTogether = false;
    }
  }

  saveState(state: ShardState): void {
    this.#writeState(state);
    this.#state = state;
  }

  sync(): void {
    this.#wal.sync();
  }

  forgetAnswers(before: number, limit: number): void {
    this.#statements.forgetAnswers.run(before, limit);
  }

  snapshot(): Snapshot {
    const database = new Database(this.#options.file, { readonly: true });
    database.exec('BEGIN');
    const entries = entriesOf(database);
    return {
      state: stateOf(database),
      entries,
      close: () => {
        entries.return();
        database.close();
      },
    };
  }

  logBytes(): number {
    return this.#logBytes;
  }

  trimLog(throughSeq: number, bytesWanted: number): void {
    let bytes = 0;
    let lastDropped: number | undefined;
    for (const row of this.#statements.logSizes.iterate(throughSeq) as IterableIterator<LogSizeRow>) {
      if (bytes + row.bytes > bytesWanted) break;
      bytes += row.bytes;
      lastDropped = row.first_seq;
    }
    if (lastDropped === undefined) return;
    if (this.#leavesSeq < lastDropped) this.#saveLeaves();
    this.#statements.trimLog.run(lastDropped);
    this.#logBytes -= bytes;
    this.#logEndSeq = this.logRange()?.lastSeq ?? 0;
  }

  /**
   * As it is at one commit, while reads and writes go on: the whole file, or else a few pages at a time, into
   * which SQLite takes over what this connection writes.
   */
  async backup(file: string, pagesPerTurn: number): Promise<void> {
    if (await this.#copy.copy(file)) return;
    await this.#database.backup(file, { progress: () => pagesPerTurn });
  }

  /** What a node has set aside is its own: a file that came from a peer gets this node's instead. */
  replaceKept(orphans: readonly Orphan[], quarantined: readonly Quarantined[]): void {
    this.#database.transaction(() => {
      this.#database.exec('DELETE FROM orphans; DELETE FROM quarantine;');
      this.#kept.keepOrphans(orphans, this.#now());
      this.#kept.quarantine(quarantined, this.#now());
    })();
    this.#wal.sync();
  }

  close(): void {
    this.#wal.close();
    this.#disk.close();
    this.#database.close();
    this.#copy.close();
  }

  #saveLeaves(): void {
    const { seq } = this.#state.applied;
    this.#statements.putLeaves.run(seq, this.#leaves.bytes());
    this.#leavesAreOnDisk(seq);
  }

  #leavesAreOnDisk(seq: number): void {
    this.#leavesSeq = seq;
    this.#commitsSinceLeaves = 0;
  }

  #transaction<Result>(work: () => Result): Result {
    const { begin, commit, rollback } = this.#statements;
    begin.run();
    try {
      const result = work();
      commit.run();
      return result;
    } catch (error) {
      // SQLite rolls back by itself where the disk fails.
      if (this.#database.inTransaction) rollback.run();
      throw error;
    }
  }

  #writeAll(change: Change, leaves: LeafDigests | undefined): void {
    const statements = this.#statements;
    const now = this.#now();
    if (change.cut) this.#writeCut(change.cut, now);
    for (const key of change.removed) statements.removeEntry.run(key);
    for (const entry of change.entries) this.#rows.write(entry);
    const { log } = change;
    if (log) {
      const moves = change.leafXors.bytes();
      statements.putLog.run(log.firstSeq, log.lastSeq, log.epoch, log.committedAt, moves, log.event);
    }
    if (leaves) statements.putLeaves.run(change.state.applied.seq, leaves.bytes());
    const { epochStart } = change;
    if (epochStart) {
      const { epoch, firstSeq, node, stream = '' } = epochStart;
      statements.putEpoch.run(epoch, firstSeq, node, stream);
    }
    if (change.set) statements.putSet.run(change.set.seq, JSON.stringify(change.set.members));
    for (const { answer, version } of change.answers) {
      const result = JSON.stringify(answer.result);
      statements.putAnswer.run(answer.id, answer.fingerprint, result, version.epoch, version.seq, now);
    }
    this.#kept.quarantine(change.quarantine, now);
    this.#writeState(change.state);
  }

  #writeCut({ afterSeq, orphans }: NonNullable<Change['cut']>, now: number): void {
    const statements = this.#statements;
    this.#kept.keepOrphans(orphans, now);
    statements.cutLog.run(afterSeq);
    statements.cutEpochs.run(afterSeq);
    statements.cutSets.run(afterSeq);
    statements.cutAnswers.run(afterSeq);
  }

  #countLogBytes(): number {
    return (this.#statements.logBytes.get() as { bytes: number }).bytes;
  }

  #writeState(state: ShardState): void {
    const { applied, root, drift, suspect, settleSeq, confirmedSeq } = state;
    const { streamSeq, streamCreatedAt, collected } = state;
    const { epoch, seq } = applied;
    this.#statements.putMeta.run(
      epoch,
      seq,
      root,
      drift,
      suspect ? 1 : 0,
      settleSeq,
      confirmedSeq,
      streamSeq,
      streamCreatedAt,
      collected.seq,
      collected.epoch,
    );
  }
}
