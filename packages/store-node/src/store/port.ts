/**
 * Port: where a shard replica keeps its state. One `commit` moves everything together, or nothing. The
 * store is dumb on purpose: what a change is was decided by the core.
 *
 * Adapters: `memory.ts` and `../sqlite/store.ts`. Both run the suite in `acceptance.ts`.
 */
import type { LeafDigests } from '@driftless/anti-entropy';
import type { Digest, EpochStart, Position, RecordedAnswer } from '@driftless/contracts';
import type { Change, LogRow, Orphan, Quarantined } from '../core/change.ts';
import type { CollectableRow, CollectQuery } from '../core/collect.ts';
import type { Entry, Head } from '../core/entry.ts';
import type { ReplicaSet, ShardState } from '../core/state.ts';

export interface Counts {
  quarantined: number;
  orphans: number;
}

export interface ListQuery {
  prefix: string;
  /** Only keys after this one in UTF-8 byte order. */
  after: string;
  limit: number;
}

/** What is kept beside a row's value: enough to compare it, without reading it whole. */
export interface KeptDigest {
  key: string;
  seq: number;
  /** Hexadecimal digits, in upper or lower case; 32 unless they have rotted. */
  digest: string;
}

/** Rows as what their digests are made of. */
export interface RowForms {
  /** How many there are; one that is not of the types of its table is not among the bytes. */
  rows: number;
  /** For each the digest that is kept beside it, then its canonical form (contracts/digest.ts). */
  bytes: Uint8Array;
}

/** A consistent view of all entries, taken at one commit. */
export interface Snapshot {
  state: ShardState;
  /** In UTF-8 byte order of their keys, tombstones too. */
  entries: Iterable<Entry>;
  close(): void;
}

export interface ShardStore {
  state(): ShardState;
  /** The row as it is on disk; its digest is not checked here. */
  get(key: string): Entry | undefined;
  /** What a change has to know of the row that it replaces: the row, or what is remembered of it. */
  head(key: string): Entry | Head | undefined;
  /** Entries whose keys begin with the prefix, tombstones too, in UTF-8 byte order. */
  list(query: ListQuery): Entry[];
  /** Tombstones by their seq, and then expired values by when they expired. */
  collectable(query: CollectQuery): CollectableRow[];
  /** Tombstones that are kept; counts no further than `max`. */
  tombstones(max: number): number;
  answer(id: string): RecordedAnswer | undefined;
  epochs(): (EpochStart & { node: string })[];
  /** The replica sets that the log has named, in order; trimming keeps them, a cut does not. */
  sets(): ReplicaSet[];
  /** All rows as they are on disk, in no order, some hundreds at a time; for a store without writers. */
  forms(): Iterable<RowForms>;
  /** The rows of a bucket as they are on disk, in no order. */
  bucketRows(bucket: number): Entry[];
  /** Of the same rows only what is kept beside their values. */
  bucketDigests(bucket: number): KeptDigest[];
  /**
   * The buckets from this one on that have rows on disk, in order, each with its rows. To be read, or left,
   * in one turn: then they are of one commit. Meanwhile nothing else is read from disk.
   */
  buckets(from: number): Iterable<readonly [bucket: number, rows: Entry[]]>;
  /** The leaf of a bucket. */
  leaf(bucket: number): Digest;
  /** XOR of all leaves. */
  leavesRoot(): Digest;
  /** A copy of all leaves, as they are now. */
  leaves(): LeafDigests;
  /** Batches whose first seq is after `afterSeq`, in order, until `bytesMax` is passed (at least one). */
  log(afterSeq: number, bytesMax: number): LogRow[];
  /** The batch that begins at `firstSeq`. */
  logAt(firstSeq: number): LogRow | undefined;
  /** The last batch. */
  logEnd(): LogRow | undefined;
  /** Last seq of the last batch, 0 when the log is empty; asked for with every commit. */
  logEndSeq(): number;
  logRange(): { firstSeq: number; lastSeq: number } | undefined;
  /** Bytes of the events in the log. */
  logBytes(): number;
  /** Drops the oldest batches that end at or before `throughSeq`, not more than `bytesWanted` of them. */
  trimLog(throughSeq: number, bytesWanted: number): void;
  orphans(): Orphan[];
  /** `refused`: kept and not offered again; `gone`: applied anew or given up. */
  settleOrphan(version: Position, settlement: 'refused' | 'gone'): void;
  quarantined(): Quarantined[];
  counts(): Counts;
  /**
   * Atomic, and safe from the death of the process; until it is synced, a power failure may take it back,
   * together with the cursor that moved with it, and what was committed after it. Throws when it could not be
   * written; then nothing of it is there, and the store must not be used on.
   */
  commit(change: Change): void;
  /**
   * What `work` commits is one transaction: all of it is there, or nothing. `work` waits for nothing, syncs
   * nothing, may read what it has committed, and returns what `work` does. Throws as `commit` does, and what
   * `work` throws.
   */
  together<Result>(work: () => Result): Result;
  /** The stream's cursor and the confirmed seq alone. */
  saveState(state: ShardState): void;
  /** All that was written before is on disk when it returns. Throws as `commit` does. */
  sync(): void;
  /**
   * Drops recorded answers older than `before` (milliseconds since the Unix epoch); at most `limit` of them.
   */
  forgetAnswers(before: number, limit: number): void;
  snapshot(): Snapshot;
  close(): void;
}

/** The files of a replica, and how a copy of a peer's takes their place. */
export interface ReplicaFiles {
  /** Where a copy for a peer is put, and where one from a peer. */
  readonly outgoing: string;
  readonly incoming: string;
  /** There is a replica. */
  exists(): boolean;
  open(): ShardStore;
  /** Copies the replica to `outgoing` as it is at one commit, while reads and writes go on. */
  copyOut(store: ShardStore): Promise<void>;
  /** Opens what was received; throws when it is no copy of this shard. */
  openIncoming(): ShardStore;
  /** All that was received is on disk when it resolves. */
  syncIncoming(): Promise<void>;
  /** Closes `current`, puts what was received in its place and opens that. */
  install(current: ShardStore): ShardStore;
  /** Removes copies that are not needed any more. */
  discard(file: string): void;
  /** Bytes of the database and of the log before it; undefined where there are no files. */
  sizes(): { db: number; wal: number } | undefined;
  /** Removes the replica for good; its store is closed. */
  remove(): void;
}
