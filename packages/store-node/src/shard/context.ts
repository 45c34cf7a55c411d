/**
 * What the parts of a shard replica share: its state in memory, its ports, its configuration. The state here
 * is the store's, plus what the stream has confirmed since the last commit: a cursor that is worth no
 * transaction of its own and is written with the next one. A follower's commits are synced together, a little
 * later.
 */
import {
  DriftlessError,
  type Position,
  type Proven,
  positionZero,
  type ShardMove,
} from '@driftless/contracts';
import type { Clock, Logger, TraceSpan } from '@driftless/runtime';
import type { Change } from '../core/change.ts';
import type { CollectLimits, Verified } from '../core/collect.ts';
import type { LagTracker } from '../core/lag.ts';
import { isBrokenBy } from '../core/mutants.ts';
import { isDrifted, type ShardState } from '../core/state.ts';
import type { EventStream } from '../jetstream/port.ts';
import type { ReplicaFiles, ShardStore } from '../store/port.ts';
import type { Instruments, StoreWork } from '../telemetry.ts';
import { Arrivals } from './arrivals.ts';
import { Captures } from './captures.ts';
import { ConfirmedWaits } from './confirmed-waits.ts';
import { DriftTimes, type Found } from './drift-times.ts';
import { Listings } from './listings.ts';
import type { Peers } from './peers.ts';
import { Soundness } from './soundness.ts';
import type { Traces } from './traces.ts';

export interface ShardLimits extends CollectLimits {
  eventOperationsMax: number;
  /** Operations waiting for the leader's next transaction. */
  leaderQueueOpsMax: number;
  publishesInFlightMax: number;
  /** Committed operations that the stream has not confirmed, past which a leader refuses writes. */
  outboxOpsMax: number;
  /** Pause before a failed call to JetStream or a peer is made again, milliseconds. */
  retryDelayMs: number;
  /** Events applied and not acked past which a follower syncs and acks, whatever the time. */
  ackEveryEvents: number;
  /** Events applied before other work gets its turn. */
  applyBurst: number;
  catchUpBytesMax: number;
  /** The log is kept up to this size although every member has it, for watchers and short absences. */
  logBytesMin: number;
  /** Past this size the oldest batches are dropped although a member lacks them: it will need a snapshot. */
  logBytesMax: number;
  /** Pace of the background scrub; 0: off. */
  scrubRowsPerSecond: number;
  /** How long a replica may stay drifted before a snapshot takes its place, milliseconds. */
  driftedMsMax: number;
  /** How long a candidate waits for a peer to say how far it is, milliseconds. */
  campaignAskMs: number;
  /** Age after which a recorded answer of an idempotent request may be forgotten, milliseconds. */
  answersKeptMs: number;
  /** Pause between two records that remove rows for good, milliseconds. */
  collectEveryMs: number;
}

export interface LastDrift {
  at: { epoch: number; seq: number };
  key?: string;
  reason: string;
}

export interface ShardParts {
  shard: number;
  node: string;
  /** The set that the cluster began with; empty where it is not known. The log's own word comes first. */
  founders: readonly string[];
  /** The nodes that should hold the shard, the preferred leader first. */
  wanted(): readonly string[];
  files: ReplicaFiles;
  stream: EventStream;
  peers: Peers;
  clock: Clock;
  limits: ShardLimits;
  logger: Logger;
  instruments: Instruments;
  lag: LagTracker;
  /** Undefined where tracing is off. */
  traces?: Traces | undefined;
  /** A write to the disk failed: ends the process, soon. */
  fail(error: unknown): void;
}

/** What is kept in memory of a replica that applies nothing more. */
export interface Halt {
  reason: string;
  /** JetStream sequence of the event that could not be used; 0 when it was not an event. */
  streamSeq: number;
}

export class ShardContext {
  readonly shard: number;
  readonly node: string;
  readonly files: ReplicaFiles;
  readonly stream: EventStream;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly limits: ShardLimits;
  readonly instruments: Instruments;
  readonly lag: LagTracker;
  /** Undefined where tracing is off. */
  readonly traces: Traces | undefined;
  /** A deposed leader is putting back what its orphans touched, or a snapshot is being installed. */
  restoring = false;
  /** Who leads, as last heard. */
  leader: string | undefined;
  lastDrift: LastDrift | undefined;
  /** What each member has told to have applied durably. */
  readonly told = new Map<string, Position>();
  readonly counts = { driftEvents: 0, corruptRows: 0, gaps: 0 };
  readonly confirmedWaits: ConfirmedWaits;
  readonly arrivals: Arrivals;
  readonly captures: Captures;
  readonly listings = new Listings();
  readonly soundness: Soundness;
  readonly driftTimes: DriftTimes;
  /** The last comparison with each peer that found it equal. */
  readonly proven = new Map<string, Proven>();
  /** So many of the next events are not applied, though the position moves: only `inject.ts` sets it. */
  eventsToSkip = 0;
  /** Drift was found, or is gone. */
  onHealth: () => void = () => undefined;
  /** The leader has asked this node to take a copy and follow, or shall be asked. */
  invited = false;
  /** Up to where the members were proven equal, as told since this process began. */
  verified: Verified | undefined;
  /** Leader: where the set is on its way to what it should be. */
  move: ShardMove | undefined;
  readonly #logger: Logger;
  /** What is done at the moment belongs to it. */
  #span: TraceSpan | undefined;
  readonly #founders: readonly string[];
  readonly #wanted: () => readonly string[];
  readonly #fail: (error: unknown) => void;
  #halt: Halt | undefined;
  #store: ShardStore;
  #state: ShardState;
  #closed = false;
  /** Time in the store, milliseconds, of the commits that are made together at the moment. */
  #together: { storeMs: number | undefined } | undefined;
  /** Something was written that may not be on disk: at the start, what a crash left. */
  #isUnsynced = true;
  /** The cursor has moved since it was written. */
  #cursorMoved = false;
  #durable: Position = positionZero;

  constructor(parts: ShardParts) {
    this.shard = parts.shard;
    this.node = parts.node;
    this.#founders = parts.founders;
    this.#wanted = parts.wanted;
    this.#fail = parts.fail;
    this.files = parts.files;
    this.stream = parts.stream;
    this.peers = parts.peers;
    this.clock = parts.clock;
    this.limits = parts.limits;
    this.#logger = parts.logger;
    this.traces = parts.traces;
    this.instruments = parts.instruments;
    this.lag = parts.lag;
    this.confirmedWaits = new ConfirmedWaits(parts.clock);
    this.arrivals = new Arrivals(parts.clock);
    this.#store = parts.files.open();
    this.#state = this.#store.state();
    this.captures = new Captures(parts.clock, () => ({ state: this.#state, leaves: this.store.leaves() }));
    this.driftTimes = new DriftTimes(parts.clock, parts.instruments, parts.shard);
    this.soundness = new Soundness(this);
    this.#healthMoved(false);
    // After a crash the file may hold what the disk doesn't yet.
    this.sync();
  }

  /** Lines about what is traced carry its span. */
  get logger(): Logger {
    return this.#span === undefined ? this.#logger : this.#logger.child(this.#span.fields);
  }

  /** Does `work`, which waits for nothing, as a part of what `span` traces, if it is there. */
  within<Result>(span: TraceSpan | undefined, work: () => Result): Result {
    this.#span = span;
    try {
      return work();
    } finally {
      this.#span = undefined;
    }
  }

  /** The replica's rows; another one after a snapshot was installed, so don't keep it over a wait. */
  get store(): ShardStore {
    if (this.#closed) throw new DriftlessError('replica-unavailable', 'This replica is not here any more.');
    return this.#store;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.save();
    this.#store.close();
    this.#closed = true;
  }

  /** The replica set in force at our position: whoever counts for a majority. */
  get members(): readonly string[] {
    const { members } = this.#state.set;
    return members.length > 0 ? members : this.#founders;
  }

  /** This replica is of the set that it knows; otherwise it only follows. */
  get isMember(): boolean {
    return this.members.includes(this.node);
  }

  /** A new replica, which has to take a copy first: it may have had more in an earlier life. */
  get isBlank(): boolean {
    return this.members.length === 0;
  }

  /** The members in the order in which they should lead: the preferred one first. */
  get membersInTurn(): string[] {
    const wanted = this.#wanted();
    const { members } = this;
    const preferred = wanted.filter((node) => members.includes(node));
    return [...preferred, ...members.filter((node) => !wanted.includes(node))];
  }

  /** Why nothing is applied any more. */
  get halted(): string | undefined {
    return this.#halt?.reason;
  }

  /** Puts the received and audited copy in this replica's place, which begins afresh with it. */
  installIncoming(): void {
    const wasDrifted = isDrifted(this.#state);
    this.#store = this.files.install(this.#store);
    this.#state = this.#store.state();
    this.captures.replaced(this.#state);
    this.soundness.replaced();
    this.#healthMoved(wasDrifted);
    this.#halt = undefined;
    this.#isUnsynced = true;
    this.#cursorMoved = false;
    this.sync();
    this.arrivals.moved();
  }

  /** Whether a copy with this cursor is past the event that this replica halted at. */
  isPastHalt(streamSeq: number): boolean {
    return this.#halt === undefined || streamSeq >= this.#halt.streamSeq;
  }

  get state(): ShardState {
    return this.#state;
  }

  /** `synced`: on disk when it returns; else whoever relies on that syncs. */
  commit(change: Change, durability: 'synced' | 'written' = 'synced'): void {
    if (isBrokenBy('cursor-outside-transaction')) this.store.saveState(change.state);
    this.#write('commit', () => this.store.commit(change));
    const wasDrifted = isDrifted(this.#state);
    this.#state = change.state;
    this.#isUnsynced = true;
    this.#cursorMoved = false;
    if (durability === 'synced') this.sync();
    if (change.log) this.captures.committed(change.state);
    this.#healthMoved(wasDrifted);
    this.confirmedWaits.reached(change.state.confirmedSeq);
    this.arrivals.moved();
  }

  /**
   * What `work` commits as `written` is one transaction. It waits for nothing. What it throws ends the
   * process as well: the transaction is rolled back, and memory has moved on.
   */
  together<Result>(work: () => Result): Result {
    // Within one transaction that mutant would move nothing outside of it.
    if (isBrokenBy('cursor-outside-transaction')) return work();
    const { clock, instruments, shard } = this;
    const together: { storeMs: number | undefined } = { storeMs: undefined };
    this.#together = together;
    let doneAt = 0;
    try {
      const result = this.store.together(() => {
        const done = work();
        doneAt = clock.monotonic();
        return done;
      });
      // A transaction that wrote nothing is none that was stored.
      const { storeMs } = together;
      if (storeMs !== undefined) instruments.stored(shard, 'commit', storeMs + clock.monotonic() - doneAt);
      return result;
    } catch (error) {
      this.#fail(error);
      throw error;
    } finally {
      this.#together = undefined;
    }
  }

  #healthMoved(wasDrifted: boolean): void {
    const drifted = isDrifted(this.#state);
    if (drifted === wasDrifted) return;
    this.driftTimes.moved(drifted);
    this.onHealth();
  }

  /** For `inject.ts`: another state than the one that was reached. */
  spoilState(state: ShardState): void {
    this.store.saveState(state);
    this.#state = state;
  }

  /** Last operation that is applied and on disk: what other replicas and acks may count on. */
  get durable(): Position {
    return this.#durable;
  }

  /** The stream was followed or confirmed up to here; written with the next commit or `save`. */
  moveCursor(cursor: Partial<Pick<ShardState, 'streamSeq' | 'confirmedSeq' | 'streamCreatedAt'>>): void {
    this.#state = { ...this.#state, ...cursor };
    this.#cursorMoved = true;
    this.confirmedWaits.reached(this.#state.confirmedSeq);
  }

  /** Makes all that was committed so far durable. */
  sync(): void {
    if (!this.#isUnsynced) return;
    if (this.#together) throw new Error('A sync within a transaction.');
    this.#write('sync', () => this.store.sync());
    this.#isUnsynced = false;
    this.#durable = this.#state.applied;
  }

  /** The same, and the cursor where it stands by now. */
  save(): void {
    if (this.#cursorMoved) {
      this.#write('cursor', () => this.store.saveState(this.#state));
      this.#cursorMoved = false;
      this.#isUnsynced = true;
    }
    this.sync();
  }

  /**
   * A failure is final (see sqlite/store.ts), whoever catches it on its way up: calls that may fail for other
   * reasons stand between here and the top.
   */
  #write(kind: StoreWork, write: () => void): void {
    const startedAt = this.clock.monotonic();
    try {
      write();
      const ms = this.clock.monotonic() - startedAt;
      if (this.#together) this.#together.storeMs = (this.#together.storeMs ?? 0) + ms;
      else this.instruments.stored(this.shard, kind, ms);
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  /** Nothing is applied any more, visibly. `streamSeq`: of the event that could not be used. */
  halt(reason: string, streamSeq = 0): void {
    this.#halt = { reason, streamSeq };
    this.logger.error({ shard: this.shard, reason }, 'this replica has halted');
  }

  /** `found`: how, and how long it may have been there. */
  noteDrift(drift: LastDrift, found: Found): void {
    this.lastDrift = drift;
    this.driftTimes.found(found);
    this.counts.driftEvents += 1;
    if (drift.key !== undefined) this.counts.corruptRows += 1;
    this.instruments.driftEvents.add(1, { shard: String(this.shard) });
    this.logger.error({ shard: this.shard, ...drift }, 'a digest check failed: this replica has drifted');
  }
}
