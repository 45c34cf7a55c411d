import { canaryKey, type HopRead, type Position, type ReadResult, shardOf } from '@driftless/contracts';
import { systemClock } from '@driftless/runtime';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Canary } from './canary.ts';
import { HopError } from './core/outcome.ts';
import type { Store } from './hop/store.ts';
import type { GatewayTelemetry } from './telemetry.ts';

const shardCount = 2;
const nodes = ['a', 'b'];

/** Nodes whose replicas apply up to a seq, and a store that writes to both at once. */
class Cluster {
  /** What each node has applied, of every shard. */
  readonly applied = new Map(nodes.map((node) => [node, Number.POSITIVE_INFINITY]));
  readonly written: string[] = [];
  reads = 0;
  refuses: 'indeterminate' | undefined;
  isAway = false;
  #seq = 0;

  get store(): Store {
    const cluster = { members: nodes, shardCount, replicationFactor: 2 };
    const routes = [0, 1].map((shard) => ({ shard, epoch: 1, near: nodes, far: [] }));
    const routing = { state: { cluster, routes, nodes: new Map(), members: [] } };
    const directory = {
      to: (node: string) => ({ read: (header: { reads: HopRead[] }) => this.#read(node, header) }),
    };
    return {
      routing,
      directory,
      canaryKey: (shard: number) => canaryKey(shard, shardCount),
      putCanary: async (shard: number, key: string) => {
        if (this.refuses) return { error: this.refuses };
        expect(shardOf(key, shardCount)).toBe(shard);
        this.written.push(key);
        this.#seq += 1;
        return { version: `1-${this.#seq}` };
      },
    } as unknown as Store;
  }

  /** As a node does: it waits for what the session has seen, and says so when that has not come. */
  async #read(node: string, { reads: [read] }: { reads: HopRead[] }) {
    this.reads += 1;
    if (this.isAway) throw new HopError('unanswered', 'upstream-timeout', 'It does not answer.');
    const { seen, waitMs = 0 } = read as HopRead & { seen: Position };
    const isThere = () => (this.applied.get(node) ?? 0) >= seen.seq;
    for (let waited = 0; !isThere() && waited < waitMs; waited += 10) await systemClock.sleep(10);
    const result: Partial<ReadResult> = isThere() ? { found: true } : { error: 'session-behind', detail: '' };
    return { answer: { results: [result] } };
  }
}

describe('canaries', () => {
  let cluster: Cluster;
  let told: { put: number[]; seen: [string, number][]; failed: string[] };
  let stop: (() => void) | undefined;
  let canary: Canary;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
    cluster = new Cluster();
    told = { put: [], seen: [], failed: [] };
  });
  afterEach(() => {
    stop?.();
    vi.useRealTimers();
  });

  function start(canaryEveryMs = 1000): void {
    const telemetry = {
      canaryPut: (shard: number) => told.put.push(shard),
      canarySeen: (shard: number, node: string, seconds: number) =>
        told.seen.push([`${shard} ${node}`, seconds]),
      canaryFailed: (shard: number, reason: string) => told.failed.push(`${shard} ${reason}`),
    } as unknown as GatewayTelemetry;
    const options = { instance: 'gateway-1', canaryEveryMs, sessionWaitMs: 200 };
    canary = new Canary(options, cluster.store, telemetry, systemClock);
    stop = canary.start();
  }
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

  it('goes to every shard once a period, to one key each, and is seen at every replica', async () => {
    start();
    await pass(3010);
    expect(told.put.filter((shard) => shard === 0).length).toBe(3);
    expect(told.put.filter((shard) => shard === 1).length).toBe(3);
    expect(new Set(cluster.written).size).toBe(2);
    expect(
      told.seen
        .map(([replica]) => replica)
        .toSorted()
        .filter((one, i, all) => one !== all[i - 1]),
    ).toEqual(['0 a', '0 b', '1 a', '1 b']);
    expect(canary.seen().length).toBe(4);
    expect(told.failed).toEqual([]);
  });

  it('measures how long a replica was away, once, and asks it by one read at a time', async () => {
    cluster.applied.set('b', 0);
    start();
    await pass(1010);
    const reads = cluster.reads;
    await pass(5000);
    expect(told.seen.every(([replica]) => replica.endsWith('a'))).toBe(true);
    // Five more canaries a shard at a; at b one read each 250 ms and shard.
    expect(cluster.reads - reads).toBeLessThan(2 * 5 + 2 * 21);
    cluster.applied.set('b', Number.POSITIVE_INFINITY);
    await pass(100);
    const late = told.seen.filter(([, seconds]) => seconds > 4);
    expect(late.map(([replica]) => replica).toSorted()).toEqual(['0 b', '1 b']);
    for (const [, seconds] of late) expect(seconds).toBeLessThan(6.2);
    expect(told.failed).toEqual([]);
  });

  it('counts what fails, and goes on', async () => {
    cluster.refuses = 'indeterminate';
    start();
    await pass(1010);
    expect(told.failed.toSorted()).toEqual(['0 indeterminate', '1 indeterminate']);
    cluster.refuses = undefined;
    cluster.isAway = true;
    await pass(1000);
    expect(told.failed).toContain('0 upstream-timeout');
    expect(canary.seen()).toEqual([]);
    cluster.isAway = false;
    await pass(2000);
    expect(canary.seen().length).toBe(4);
  });

  it('is not there when it is switched off, and stops when it is told to', async () => {
    start(0);
    await pass(10_000);
    expect(cluster.written).toEqual([]);
    start();
    await pass(1010);
    stop?.();
    await pass(1000);
    expect(cluster.written.length).toBe(2);
  });
});
