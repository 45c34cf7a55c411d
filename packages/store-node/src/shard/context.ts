/**
 * What the parts of a shard replica share: its state in memory, its ports, its configuration. The state here
 * is the store's, plus what the stream has confirmed since the last commit: a cursor that is worth no
 * transaction of its own and is written with the next one. A follower's commits are synced together, a little
 * later.
 */
import { type Position, positionZero } from '@driftless/contracts';
import type { Logger } from '@driftless/runtime';
import type { Change } from '../core/change.ts';
import type { LagTracker } from '../core/lag.ts';
import type { ShardState } from '../core/state.ts';
import type { EventStream } from '../jetstream/port.ts';
import type { Durability, ShardStore } from '../store/port.ts';
import type { Instruments } from '../telemetry.ts';
import type { Peers } from './peers.ts';

export interface Clock {
  /** Milliseconds that only grow; for durations. */
  monotonic(): number;
  /** Milliseconds since the Unix epoch; for people, and for expiry. */
  wall(): number;
}

export interface ShardLimits {
  eventOperationsMax: number;
  eventBytesMax: number;
  /** Operations waiting for the leader's next transaction. */
  leaderQueueOpsMax: number;
  /** How long, and up to how many operations, a leader under load gathers writes for one transaction. */
  gatherMs: number;
  gatherOpsMax: number;
  publishesInFlightMax: number;
  /** Committed operations that the stream has not confirmed, past which a leader refuses writes. */
  outboxOpsMax: number;
  /** Pause before a failed call to JetStream or a peer is made again, milliseconds. */
  retryDelayMs: number;
  /** Events applied before other work gets its turn. */
  applyBurst: number;
  catchUpBytesMax: number;
  /** How long a candidate waits for a peer to say how far it is, milliseconds. */
  campaignAskMs: number;
  /** Age after which a recorded answer of an idempotent request may be forgotten, milliseconds. */
  answersKeptMs: number;
}

export interface LastDrift {
  at: { epoch: number; seq: number };
  key?: string;
  reason: string;
}

export class ShardContext {
  readonly shard: number;
  readonly node: string;
  /** The shard's configured replicas, the preferred leader first. */
  readonly members: readonly string[];
  readonly store: ShardStore;
  readonly stream: EventStream;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly limits: ShardLimits;
  readonly logger: Logger;
  readonly instruments: Instruments;
  readonly lag: LagTracker;
  /** Why nothing is applied any more; set once, visible everywhere. */
  halted: string | undefined;
  /** A deposed leader is putting back what its orphans touched. */
  restoring = false;
  /** Who leads, as last heard. */
  leader: string | undefined;
  lastDrift: LastDrift | undefined;
  readonly counts = { driftEvents: 0, corruptRows: 0, gaps: 0 };
  #state: ShardState;
  /** Something is newer than what is surely on disk. */
  #unsaved = true;
  #durable: Position = positionZero;

  constructor(
    parts: Omit<
      ShardContext,
      | 'state'
      | 'halted'
      | 'restoring'
      | 'leader'
      | 'lastDrift'
      | 'counts'
      | 'commit'
      | 'moveCursor'
      | 'durable'
      | 'sync'
      | 'halt'
      | 'noteDrift'
    >,
  ) {
    this.shard = parts.shard;
    this.node = parts.node;
    this.members = parts.members;
    this.store = parts.store;
    this.stream = parts.stream;
    this.peers = parts.peers;
    this.clock = parts.clock;
    this.limits = parts.limits;
    this.logger = parts.logger;
    this.instruments = parts.instruments;
    this.lag = parts.lag;
    this.#state = parts.store.state();
    // After a crash the file may hold what the disk doesn't yet.
    this.sync();
  }

  get state(): ShardState {
    return this.#state;
  }

  /** A failure is final: it ends the process (see sqlite/store.ts). */
  commit(change: Change, durability: Durability = 'synced'): void {
    this.store.commit(change, durability);
    this.#state = change.state;
    this.#unsaved = durability === 'written';
    if (durability === 'synced') this.#durable = change.state.applied;
  }

  /** Last operation that is applied and on disk: what other replicas and acks may count on. */
  get durable(): Position {
    return this.#durable;
  }

  /** The stream was followed or confirmed up to here; written with the next commit or `sync`. */
  moveCursor(cursor: Partial<Pick<ShardState, 'streamSeq' | 'confirmedSeq' | 'streamCreatedAt'>>): void {
    this.#state = { ...this.#state, ...cursor };
    this.#unsaved = true;
  }

  /** Makes all that was applied so far durable, with the cursor. */
  sync(): void {
    if (!this.#unsaved) return;
    this.store.saveState(this.#state);
    this.#unsaved = false;
    this.#durable = this.#state.applied;
  }

  /** Nothing is applied any more, visibly. */
  halt(reason: string): void {
    this.halted = reason;
    this.logger.error({ shard: this.shard, reason }, 'this replica has halted');
  }

  noteDrift(drift: LastDrift): void {
    this.lastDrift = drift;
    this.counts.driftEvents += 1;
    if (drift.key !== undefined) this.counts.corruptRows += 1;
    this.instruments.driftEvents.add(1, { shard: String(this.shard) });
    this.logger.error({ shard: this.shard, ...drift }, 'a digest check failed: this replica has drifted');
  }
}
