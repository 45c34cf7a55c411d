/**
 * Load with a history: PUTs at a fixed rate through the gateway, each value unique, and what became of each.
 * Half of the operations write keys of their own; half write again a few hot keys, each of which has one
 * writer at a time, so its values must be seen in order.
 */
import { performance } from 'node:perf_hooks';
import { shardOf } from '@driftless/contracts';
import type { TestCluster } from './cluster.ts';

export type Outcome = 'ok' | 'fail' | 'info';

export interface HistoryEntry {
  key: string;
  /** Unique within the history; grows with each write of a key. */
  number: number;
  /** Monotonic, milliseconds. */
  invokedAt: number;
  endedAt: number;
  /** `ok` acknowledged; `fail` certainly not done; `info` nobody knows. */
  outcome: Outcome;
  status: number;
}

export interface LoadOptions {
  perSecond: number;
  ack: 'leader' | 'stream' | 'majority' | 'all';
  /** Part of every key, so that loads of one cluster stay apart. */
  name: string;
  hotKeys?: number;
}

const requestTimeoutMs = 15_000;
const tickMs = 10;

export class Load {
  readonly history: HistoryEntry[] = [];
  readonly #cluster: TestCluster;
  readonly #options: Required<LoadOptions>;
  readonly #running = new Set<Promise<void>>();
  readonly #busyHotKeys = new Set<string>();
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  #count = 0;

  constructor(cluster: TestCluster, options: LoadOptions) {
    this.#cluster = cluster;
    this.#options = { hotKeys: 20, ...options };
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  /** Acknowledged so far. */
  get acknowledged(): number {
    return this.history.filter(({ outcome }) => outcome === 'ok').length;
  }

  /** Starts no more operations; resolves when those under way have ended. */
  async stop(): Promise<HistoryEntry[]> {
    clearInterval(this.#timer);
    await Promise.all(this.#running);
    return this.history;
  }

  /** Resolves when `count` more operations than now are acknowledged. */
  async more(count: number, timeoutMs = 30_000): Promise<void> {
    const goal = this.acknowledged + count;
    await this.#cluster.until(
      `${count} more acknowledged writes`,
      async () => this.acknowledged >= goal,
      timeoutMs,
    );
  }

  #tick(): void {
    const due = ((performance.now() - this.#startedAt) / 1000) * this.#options.perSecond;
    while (this.#count < due) {
      const number = this.#count++;
      const operation = this.#put(this.#keyOf(number), number).finally(() => this.#running.delete(operation));
      this.#running.add(operation);
    }
  }

  #keyOf(number: number): string {
    const { name, hotKeys } = this.#options;
    const hot = `${name}/hot/${number % hotKeys}`;
    return number % 2 === 0 && !this.#busyHotKeys.has(hot) ? hot : `${name}/own/${number}`;
  }

  async #put(key: string, number: number): Promise<void> {
    this.#busyHotKeys.add(key);
    const invokedAt = performance.now();
    const { outcome, status } = await this.#request(key, number);
    this.history.push({ key, number, invokedAt, endedAt: performance.now(), outcome, status });
    this.#busyHotKeys.delete(key);
  }

  async #request(key: string, number: number): Promise<{ outcome: Outcome; status: number }> {
    const url = `${this.#cluster.gatewayUrl}/v1/kv/${encodeURIComponent(key)}?ack=${this.#options.ack}`;
    try {
      const answer = await fetch(url, {
        method: 'PUT',
        body: JSON.stringify({ number }),
        headers: { 'content-type': 'application/json' },
        signal: AbortSignal.timeout(requestTimeoutMs),
      });
      await answer.arrayBuffer();
      const outcome = answer.ok ? 'ok' : answer.status === 504 ? 'info' : 'fail';
      return { outcome, status: answer.status };
    } catch {
      // The gateway may have passed it on before it died.
      return { outcome: 'info', status: 0 };
    }
  }
}

/**
 * Longest time in which nothing was acknowledged, from `from` (monotonic) to the end of the history;
 * milliseconds.
 */
export function longestPauseMs(history: readonly HistoryEntry[], from: number): number {
  const times = history
    .filter(({ outcome, endedAt }) => outcome === 'ok' && endedAt >= from)
    .map(({ endedAt }) => endedAt)
    .sort((a, b) => a - b);
  return times.reduce((longest, at, index) => Math.max(longest, at - (times[index - 1] ?? from)), 0);
}

/** The longest pause of any one shard: a failover must not hide behind the shards that it spares. */
export function longestShardPauseMs(
  history: readonly HistoryEntry[],
  from: number,
  shardCount: number,
): number {
  const shards = Map.groupBy(history, ({ key }) => shardOf(key, shardCount));
  return Math.max(...[...shards.values()].map((entries) => longestPauseMs(entries, from)));
}
