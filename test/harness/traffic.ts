/**
 * Traffic with a whole history: writes at all ack levels, deletes, conditions, counters, and reads at all
 * levels, by many clients that each do one thing at a time and each carry a session. All of it goes through
 * recorded clients, so that all checkers have something to judge (`load.ts` only puts).
 *
 * Each worker keeps to one shard, so that a shard that stands still doesn't stop the load of the others. The
 * hot keys of a shard are worked on by few workers each, and replaced by fresh ones after a while: the search
 * for a linear order of a key's operations stays small.
 */
import { performance } from 'node:perf_hooks';
import type { HistoryWriter } from '@driftless/checkers';
import { DriftlessClient } from '@driftless/client';
import type { AckLevel } from '@driftless/contracts';
import { waitUntil } from '@driftless/runtime';
import { RecordedClient } from '../checkers/recorded-client.ts';
import type { TestCluster } from './cluster.ts';
import { Random } from './random.ts';
import { Worker } from './traffic-worker.ts';

export type OperationName =
  | 'putOwn'
  | 'putHot'
  | 'live'
  | 'update'
  | 'increment'
  | 'eventual'
  | 'session'
  | 'bounded'
  | 'leader'
  | 'strong'
  | 'list';

export interface TrafficOptions {
  /** First part of every key: traffics of one cluster stay apart. */
  name: string;
  perSecond: number;
  seed: number;
  /** Workers of each shard. */
  workersPerShard?: number;
  /** How often each operation, by weight. */
  mix?: Partial<Record<OperationName, number>>;
  /** How often each ack level, by weight. */
  acks?: Partial<Record<AckLevel, number>>;
  replicaOf?: (node: string) => string;
}

export const mixDefault: Record<OperationName, number> = {
  putOwn: 24,
  putHot: 14,
  live: 8,
  update: 12,
  increment: 8,
  eventual: 8,
  session: 10,
  bounded: 3,
  leader: 4,
  strong: 8,
  list: 1,
};
export const acksDefault: Record<AckLevel, number> = { leader: 10, stream: 69, majority: 20, all: 1 };

/** An acknowledged write that must survive the loss of its leader; monotonic, milliseconds. */
export interface Acknowledged {
  shard: number;
  invokedAt: number;
  endedAt: number;
}

const tickMs = 10;
const attemptTimeoutMs = 15_000;

export class Traffic {
  /** In the order of their ends. */
  readonly acknowledged: Acknowledged[] = [];
  /** Operations begun. */
  operations = 0;
  readonly #cluster: TestCluster;
  readonly #options: Required<TrafficOptions>;
  readonly #clients: DriftlessClient[] = [];
  readonly #idle: Worker[];
  readonly #running = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #failure: unknown;
  #lastTickAt = performance.now();
  #due = 0;

  constructor(cluster: TestCluster, writer: HistoryWriter, options: TrafficOptions) {
    this.#cluster = cluster;
    const given = { workersPerShard: 16, replicaOf: (node: string) => node, ...options };
    this.#options = {
      ...given,
      mix: { ...mixDefault, ...options.mix },
      acks: options.acks ?? acksDefault,
    };
    const random = new Random(options.seed);
    const { workersPerShard } = this.#options;
    this.#idle = Array.from({ length: cluster.shardCount * workersPerShard }, (_, index) =>
      this.#makeWorker(writer, index, random),
    );
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  #makeWorker(writer: HistoryWriter, index: number, random: Random): Worker {
    const { shardCount, gatewayUrls } = this.#cluster;
    const { name, mix, acks, replicaOf } = this.#options;
    // Every third one tries again by itself, under an idempotency key.
    const retries = index % 3 === 0;
    const client = new DriftlessClient({
      baseUrls: gatewayUrls,
      timeoutMs: attemptTimeoutMs,
      connections: 1,
      ...(!retries && { retries: 0 }),
    });
    this.#clients.push(client);
    const process = `${name}/w${index}`;
    const shard = index % shardCount;
    const number = Math.floor(index / shardCount);
    const recorded = new RecordedClient({ client, writer, process, retries, replicaOf });
    return new Worker({ client: recorded, name, shard, shardCount, number, mix, acks, random });
  }

  /** Starts no more operations; resolves when those under way have ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#running);
    await Promise.all(this.#clients.map((client) => client.close()));
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Resolves when in every shard `count` writes that begin from now on are acknowledged. */
  async more(count: number, timeoutMs = 60_000): Promise<void> {
    const from = performance.now();
    const seen = this.acknowledged.length;
    const { shardCount } = this.#cluster;
    const isEnough = (): boolean => {
      if (this.#failure !== undefined) throw this.#failure;
      const counts = new Array<number>(shardCount).fill(0);
      for (const { shard, invokedAt } of this.acknowledged.slice(seen)) {
        if (invokedAt >= from) counts[shard] = (counts[shard] ?? 0) + 1;
      }
      return counts.every((acknowledged) => acknowledged >= count);
    };
    await waitUntil(isEnough, { timeoutMs, what: `${count} more acknowledged writes in every shard` });
  }

  /** Longest time from `from` on in which some shard acknowledged nothing, milliseconds. */
  longestPauseMs(from: number, until = performance.now()): number {
    const last = new Map<number, number>();
    for (let shard = 0; shard < this.#cluster.shardCount; shard += 1) last.set(shard, from);
    let longest = 0;
    for (const { shard, endedAt } of this.acknowledged) {
      if (endedAt < from) continue;
      longest = Math.max(longest, endedAt - (last.get(shard) ?? from));
      last.set(shard, endedAt);
    }
    return Math.max(longest, ...[...last.values()].map((at) => until - at));
  }

  #tick(): void {
    const now = performance.now();
    this.#due += ((now - this.#lastTickAt) / 1000) * this.#options.perSecond;
    this.#lastTickAt = now;
    for (; this.#due >= 1; this.#due -= 1) {
      const worker = this.#idle.shift();
      // Everybody waits: what is due now is not caught up with later, in one burst.
      if (!worker) continue;
      this.operations += 1;
      const running = this.#let(worker).finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
  }

  async #let(worker: Worker): Promise<void> {
    const invokedAt = performance.now();
    try {
      const isProof = await worker.work();
      const { shard } = worker;
      if (isProof) this.acknowledged.push({ shard, invokedAt, endedAt: performance.now() });
    } catch (error) {
      this.#failure ??= error;
    } finally {
      this.#idle.push(worker);
    }
  }
}
