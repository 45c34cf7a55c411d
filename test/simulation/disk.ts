/**
 * A node's disk: one file a shard, which outlives the node's processes. What was committed and not synced is
 * safe from the death of a process; when the power fails, only the first of it are there (ADR 0009), for
 * SQLite's journal is written in order.
 */

import type { Position } from '@driftless/contracts';
import {
  type Change,
  MemoryStore as Memory,
  type MemoryStore,
  type ReplicaFiles,
  type ShardStore,
} from '@driftless/store-node/simulation';
import type { Process } from './world.ts';

type Mutation = (store: MemoryStore) => void;

/** What a disk tells whoever watches it. */
export interface DiskNews {
  /** All that was committed so far is on disk. */
  onSynced(store: ShardStore): void;
  /** This was committed; it may not be on disk yet. */
  onCommitted(store: ShardStore, change: Change): void;
  /** Operations past the end of an epoch were set aside. */
  onOrphans(versions: readonly Position[]): void;
}

export class Disk {
  readonly #wall: () => number;
  #onDisk: MemoryStore;
  /** Written, and not synced. */
  #written: Mutation[] = [];
  /** There is a file. */
  isMade = false;
  incoming: MemoryStore | undefined;
  outgoing: MemoryStore | undefined;

  constructor(wall: () => number) {
    this.#wall = wall;
    this.#onDisk = new Memory(wall);
  }

  /** What a process finds that opens the file. */
  read(): MemoryStore {
    this.#settle(this.#written.length);
    return this.#onDisk.copy();
  }

  /** As a process would find it now; nothing gets to disk by that. */
  copy(): MemoryStore {
    const copy = this.#onDisk.copy();
    for (const mutation of this.#written) mutation(copy);
    return copy;
  }

  write(mutation: Mutation): void {
    this.#written.push(mutation);
  }

  sync(): void {
    this.#settle(this.#written.length);
  }

  /** The power fails: of what was not synced the first ones are there, a share from 0 to 1. */
  fail(share: number): void {
    this.#settle(Math.floor(this.#written.length * share));
    this.#written = [];
    this.incoming = undefined;
    this.outgoing = undefined;
  }

  /** Another file takes the place of this one. */
  replace(store: MemoryStore): void {
    this.#onDisk = store.copy();
    this.#written = [];
  }

  wipe(): void {
    this.replace(new Memory(this.#wall));
    this.isMade = false;
  }

  #settle(count: number): void {
    for (const mutation of this.#written.splice(0, count)) mutation(this.#onDisk);
  }
}

export interface DiskSpeed {
  /** How long a sync takes, milliseconds. */
  syncMs(): number;
}

export class SimFiles implements ReplicaFiles {
  readonly outgoing = 'outgoing';
  readonly incoming = 'incoming';
  readonly #disk: Disk;
  readonly #process: Process;
  readonly #speed: DiskSpeed;
  readonly #news: DiskNews;

  constructor(disk: Disk, process: Process, speed: DiskSpeed, news: DiskNews) {
    this.#disk = disk;
    this.#process = process;
    this.#speed = speed;
    this.#news = news;
  }

  exists(): boolean {
    return this.#disk.isMade;
  }

  sizes(): undefined {
    return undefined;
  }

  remove(): void {
    this.#process.boundary();
    this.#disk.wipe();
    this.#process.boundary();
  }

  open(): ShardStore {
    this.#disk.isMade = true;
    const { incoming: _incoming, outgoing: _outgoing } = this.#disk;
    this.#disk.incoming = undefined;
    this.#disk.outgoing = undefined;
    return this.#stored(this.#disk.read());
  }

  async copyOut(store: ShardStore): Promise<void> {
    this.#process.boundary();
    if (!(store instanceof DiskStore)) throw new TypeError('Only a replica on disk can be copied.');
    this.#disk.outgoing = store.copy();
    await this.#process.clock.turn();
  }

  /** What a peer may read. */
  get copied(): MemoryStore | undefined {
    return this.#disk.outgoing;
  }

  receive(copy: MemoryStore): void {
    this.#disk.incoming = copy.copy();
  }

  openIncoming(): ShardStore {
    if (!this.#disk.incoming) throw new Error('Nothing was received.');
    return this.#disk.incoming;
  }

  /** What is received is never half there. */
  syncIncoming(): Promise<void> {
    return Promise.resolve();
  }

  install(current: ShardStore): ShardStore {
    this.#process.boundary();
    const { incoming } = this.#disk;
    if (!incoming) throw new Error('Nothing was received.');
    this.#disk.replace(incoming.copy({ orphans: current.orphans(), quarantined: current.quarantined() }));
    this.#process.boundary();
    return this.#stored(this.#disk.read());
  }

  discard(file: string): void {
    if (file === this.incoming) this.#disk.incoming = undefined;
    if (file === this.outgoing) this.#disk.outgoing = undefined;
  }

  #stored(memory: MemoryStore): DiskStore {
    return new DiskStore(memory, this.#disk, this.#process, this.#speed, this.#news);
  }
}

/** The store of one process: its own view in memory, and the file that the view is written to. */
export class DiskStore implements ShardStore {
  readonly #view: MemoryStore;
  readonly #disk: Disk;
  readonly #process: Process;
  readonly #speed: DiskSpeed;
  readonly #news: DiskNews;
  #isSpoiled = false;
  /** What the transaction under way has written to the view, and writes to the file when it ends. */
  #together: Mutation[] | undefined;

  constructor(view: MemoryStore, disk: Disk, process: Process, speed: DiskSpeed, news: DiskNews) {
    this.#view = view;
    this.#disk = disk;
    this.#process = process;
    this.#speed = speed;
    this.#news = news;
  }

  commit(change: Change): void {
    this.#do((store) => store.commit(change));
    if (this.#isSpoiled) return;
    this.#news.onCommitted(this.#view, change);
    if (change.cut) this.#news.onOrphans(change.cut.orphans.map(({ version }) => version));
  }

  together<Result>(work: () => Result): Result {
    this.#process.boundary();
    const mutations: Mutation[] = [];
    this.#together = mutations;
    let result: Result;
    try {
      result = work();
    } finally {
      this.#together = undefined;
    }
    this.#disk.write((store) => {
      for (const mutation of mutations) mutation(store);
    });
    this.#process.boundary();
    return result;
  }

  saveState(state: ReturnType<ShardStore['state']>): void {
    this.#do((store) => store.saveState(state));
  }

  trimLog(throughSeq: number, bytesWanted: number): void {
    this.#do((store) => store.trimLog(throughSeq, bytesWanted));
  }

  settleOrphan(...settled: Parameters<ShardStore['settleOrphan']>): void {
    this.#do((store) => store.settleOrphan(...settled));
  }

  forgetAnswers(before: number, limit: number): void {
    this.#do((store) => store.forgetAnswers(before, limit));
  }

  /** One transaction: it is there, or not at all, wherever the process dies. */
  #do(mutation: Mutation): void {
    if (this.#together) {
      mutation(this.#view);
      this.#together.push(mutation);
      return;
    }
    if (this.#isSpoiled) {
      this.#write(mutation);
      return;
    }
    this.#process.boundary();
    this.#write(mutation);
    this.#process.boundary();
  }

  sync(): void {
    if (this.#isSpoiled) return;
    this.#process.boundary();
    this.#disk.sync();
    this.#news.onSynced(this.#view);
    const ms = this.#speed.syncMs();
    if (ms > 0) this.#process.hold(ms);
    this.#process.boundary();
  }

  #write(mutation: Mutation): void {
    mutation(this.#view);
    this.#disk.write(mutation);
  }

  /** What `work` writes is none of the process's doing: it does not die of it, and nobody hears of it. */
  spoil(work: () => void): void {
    this.#isSpoiled = true;
    try {
      work();
    } finally {
      this.#isSpoiled = false;
    }
  }

  copy(): MemoryStore {
    return this.#view.copy();
  }

  state = () => this.#view.state();
  get = (key: string) => this.#view.get(key);
  head = (key: string) => this.#view.head(key);
  list: ShardStore['list'] = (query) => this.#view.list(query);
  collectable: ShardStore['collectable'] = (query) => this.#view.collectable(query);
  tombstones = (max: number) => this.#view.tombstones(max);
  answer = (id: string) => this.#view.answer(id);
  epochs = () => this.#view.epochs();
  sets = () => this.#view.sets();
  forms = () => this.#view.forms();
  bucketRows = (bucket: number) => this.#view.bucketRows(bucket);
  bucketDigests = (bucket: number) => this.#view.bucketDigests(bucket);
  buckets = (from: number) => this.#view.buckets(from);
  leaves = () => this.#view.leaves();
  leaf = (bucket: number) => this.#view.leaf(bucket);
  leavesRoot = () => this.#view.leavesRoot();
  log = (afterSeq: number, bytesMax: number) => this.#view.log(afterSeq, bytesMax);
  logAt = (firstSeq: number) => this.#view.logAt(firstSeq);
  logEnd = () => this.#view.logEnd();
  logRange = () => this.#view.logRange();
  logEndSeq = () => this.#view.logEndSeq();
  logBytes = () => this.#view.logBytes();
  orphans = () => this.#view.orphans();
  quarantined = () => this.#view.quarantined();
  counts = () => this.#view.counts();
  snapshot = () => this.#view.snapshot();
  close(): void {}
}
