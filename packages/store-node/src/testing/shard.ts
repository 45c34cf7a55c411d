/**
 * For tests: the context of a shard replica without a node around it. Its store is in memory, its time stands
 * until the test moves it, and what its instruments are told is kept.
 */

import type { Batch } from '@driftless/contracts';
import { decodeBatch } from '@driftless/contracts';
import { type Clock, type Logger, systemClock } from '@driftless/runtime';
import { changeOf } from '../core/change.ts';
import type { Entry } from '../core/entry.ts';
import { LagTracker } from '../core/lag.ts';
import { answerQuestion } from '../http/exchange-answers.ts';
import { applyEvent } from '../shard/apply-event.ts';
import { ShardContext, type ShardLimits } from '../shard/context.ts';
import type { Peers } from '../shard/peers.ts';
import { checkPosition } from '../shard/self-check.ts';
import { MemoryStore } from '../store/memory.ts';
import type { ReplicaFiles, ShardStore } from '../store/port.ts';
import type { Instruments } from '../telemetry.ts';
import { TestReplica } from './replica.ts';

const limits: ShardLimits = {
  eventOperationsMax: 1024,
  eventBytesMax: 1_000_000,
  leaderQueueOpsMax: 1000,
  publishesInFlightMax: 8,
  outboxOpsMax: 1000,
  retryDelayMs: 10,
  ackEveryEvents: 32,
  applyBurst: 32,
  catchUpBytesMax: 1_000_000,
  logBytesMin: 1_000_000,
  logBytesMax: 10_000_000,
  scrubRowsPerSecond: 1000,
  driftedMsMax: 30_000,
  campaignAskMs: 1000,
  answersKeptMs: 60_000,
  collectKeysMax: 500,
  collectBytesMax: 1_000_000,
  collectEveryMs: 250,
  expiredKeptMs: 0,
};

/** What instruments were told, by name. */
export interface Told {
  counts: Map<string, number>;
  detected: { by: string; ms: number }[];
  healed: number[];
}

export interface TestShard {
  context: ShardContext;
  /** The same store, to write by hand: what it writes is what a leader's log has. */
  replica: TestReplica;
  told: Told;
}

export interface TestShardOptions {
  node?: string;
  members?: readonly string[];
  peers?: Peers;
  clock?: Clock;
  limits?: Partial<ShardLimits>;
  store?: ShardStore;
}

export function testShard(options: TestShardOptions = {}): TestShard {
  const { node = 'node-1', members = ['node-1', 'node-2', 'node-3'], clock = systemClock } = options;
  const store = options.store ?? new MemoryStore(() => 0);
  const told: Told = { counts: new Map(), detected: [], healed: [] };
  const context = new ShardContext({
    shard: 0,
    node,
    founders: members,
    wanted: () => members,
    files: filesOf(store),
    stream: {} as never,
    peers: options.peers ?? ({} as never),
    clock,
    limits: { ...limits, ...options.limits },
    logger: silent,
    instruments: instrumentsOf(told),
    lag: new LagTracker({ headSilentMs: 3000, headGapMs: 500, samplesMax: 100 }),
    fail(error) {
      throw error;
    },
  });
  return { context, replica: new TestReplica(store), told };
}

/** What replicas ask each other, without a network in between; a node that isn't listed does not answer. */
export function localPeers(contexts: ReadonlyMap<string, ShardContext>): Peers {
  return {
    async ask(peer, _shard, question, header) {
      const context = contexts.get(peer);
      return context && answerQuestion(context, question, JSON.parse(JSON.stringify(header)));
    },
  } as Partial<Peers> as Peers;
}

/** Applies what `leader`'s log has past our position, as the follower's shell does. */
export function follow(context: ShardContext, leader: TestReplica): void {
  checkPosition(context);
  for (const { event } of leader.store.log(context.state.applied.seq, Number.POSITIVE_INFINITY)) {
    const batch: Batch = decodeBatch(event);
    applyEvent(context, batch, event, { seq: context.state.streamSeq + 1 });
  }
}

/** Puts an entry on disk and tells nobody: what bit rot and bugs do. */
export function tamper(context: ShardContext, entry: Entry): void {
  context.store.commit(changeOf({ entries: [entry], state: context.store.state() }));
}

/** The row with other bytes and the digest that it had. */
export function rotten(entry: Entry | undefined): Entry {
  if (!entry) throw new Error('There is no such row.');
  return { ...entry, value: new TextEncoder().encode('rotten') };
}

function filesOf(store: ShardStore): ReplicaFiles {
  return { open: () => store, sizes: () => undefined } as Partial<ReplicaFiles> as ReplicaFiles;
}

const nothing = (): void => undefined;
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing } as unknown as Logger;

function instrumentsOf(told: Told): Instruments {
  const count = (name: string, by: number): void => {
    told.counts.set(name, (told.counts.get(name) ?? 0) + by);
  };
  const counter = (name: string) => ({ add: (by: number) => count(name, by) });
  return {
    opened: nothing,
    driftEvents: counter('drift events'),
    corruptReads: counter('corrupt reads'),
    gaps: counter('gaps'),
    deadLetters: counter('dead letters'),
    orphans: counter('orphans'),
    orphansOffered: counter('orphans offered'),
    fenced: counter('fenced'),
    streamLosses: counter('stream losses'),
    snapshotsInstalled: counter('snapshots'),
    elections: counter('elections'),
    setChanges: counter('set changes'),
    rowsCollected: counter('rows collected'),
    antiEntropy: {
      detected: (_shard, by, ms) => told.detected.push({ by, ms }),
      healed: (_shard, ms) => told.healed.push(ms),
      exchanged: ({ outcome }, mode) => count(`${mode} ${outcome}`, 1),
      rowsShipped: counter('rows shipped'),
      stopped: counter('keys stopped'),
      injected: counter('injected'),
    },
    applied: nothing,
    lagAtApply: nothing,
    committed: nothing,
    written: nothing,
    converged: nothing,
    stored: nothing,
    read: nothing,
    sessionWaited: nothing,
  };
}
