/**
 * Anti-entropy with real processes: replicas at rest are proven equal, drift is healed without anyone asking,
 * two processes never work on one shard at one time, and one takes over from another that was killed.
 */
import {
  type AntiEntropyView,
  antiEntropyViewSchema,
  type RoundReport,
  shardViewSchema,
} from '@driftless/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { type ClusterOptions, TestCluster } from '../../harness/cluster.ts';
import { dumpOf } from '../../harness/dump.ts';

let cluster: TestCluster | undefined;
afterEach(async () => cluster?.stop());

const leaseTtlMs = 2_000;
const healerEnv = {
  DRIFTLESS_ROUND_EVERY_MS: '60000',
  DRIFTLESS_ROUND_RETRY_MS: '500',
  DRIFTLESS_ROUND_LEASE_TTL_MS: String(leaseTtlMs),
};

async function startWithKeys(options: ClusterOptions = {}, keys = 60): Promise<TestCluster> {
  cluster = await TestCluster.start({
    shards: 2,
    nodeEnv: { DRIFTLESS_INJECT: 'true', DRIFTLESS_SCRUB_ROWS_PER_SECOND: '4000' },
    antiEntropy: healerEnv,
    ...options,
  });
  for (let i = 0; i < keys; i += 1) {
    const url = `${cluster.gatewayUrl}/v1/kv/key-${i}?ack=all`;
    const answer = await fetch(url, { method: 'PUT', body: `value ${i}` });
    expect(answer.status).toBe(201);
  }
  return cluster;
}

async function viewOf(running: TestCluster, healer?: string): Promise<AntiEntropyView> {
  const answer = await fetch(`${running.healerUrl(healer)}/v1/anti-entropy`);
  return antiEntropyViewSchema.parse(await answer.json());
}

async function lastRound(running: TestCluster, shard: number, healer?: string) {
  return (await viewOf(running, healer)).shards.find((one) => one.shard === shard)?.lastRound;
}

async function followerOf(running: TestCluster, shard: number): Promise<string> {
  const leader = await running.leaderOf(shard);
  return running.nodes.map(({ name }) => name).find((name) => name !== leader) ?? '';
}

async function inject(running: TestCluster, shard: number, body: object): Promise<string[]> {
  const answer = await fetch(`${running.gatewayUrl}/v1/admin/shards/${shard}/inject`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const document = (await answer.json()) as { keys: string[] };
  expect(answer.status, JSON.stringify(document)).toBe(200);
  return document.keys;
}

/** Rows of all replicas of the shard are the same, by their contents, and have the roots that are told. */
async function haveEqualDumps(running: TestCluster, shard: number): Promise<boolean> {
  const dumps = await Promise.all(running.nodes.map(({ name }) => dumpOf(running, name, shard)));
  return new Set(dumps.flatMap(({ root, head }) => [root, head.root])).size === 1;
}

describe('the service', () => {
  it('proves replicas at rest equal, tells the leader, and it shows everywhere', async () => {
    const running = await startWithKeys();
    await running.until('each shard to be proven equal', async () => {
      const { shards } = await viewOf(running);
      return shards.every(({ lastRound: last }) => last?.outcome === 'equal' && last.verified !== undefined);
    });
    const view = await viewOf(running);
    expect(view.shards).toHaveLength(2);
    // Each of the others with the leader, in each shard; and with an earlier leader, maybe.
    expect(view.proven.length).toBeGreaterThanOrEqual(4);
    for (const shard of [0, 1]) {
      await running.until('the gateway to hear of it', async () => {
        const answer = await fetch(`${running.gatewayUrl}/v1/shards/${shard}`);
        const { replicas } = shardViewSchema.parse(await answer.json());
        return replicas.flatMap(({ proven = [] }) => proven).length >= 2;
      });
    }
    const metrics = await (await fetch(`${running.healerUrl()}/metrics`)).text();
    expect(metrics).toMatch(/anti_entropy_rounds_total\{outcome="equal",cause="\w+"\} \d/);
    expect(metrics).toMatch(/anti_entropy_pair_proven_seq\{shard="0",a="node-\d",b="node-\d"\} \d+/);
    const through = await fetch(`${running.gatewayUrl}/v1/admin/anti-entropy`);
    expect(antiEntropyViewSchema.parse(await through.json()).instance).toBe('anti-entropy-1');
  });

  it.each([
    ['flip-value', 'follower'],
    ['drop-row', 'follower'],
    ['alien-row', 'follower'],
    ['spoil-tree', 'follower'],
    ['flip-value', 'leader'],
    ['alien-row', 'leader'],
  ] as const)('heals %s on a %s at rest, without anyone asking', async (kind, where) => {
    const running = await startWithKeys({ shards: 1 });
    const node = where === 'leader' ? await running.leaderOf(0) : await followerOf(running, 0);
    await running.until('a first proof', async () => (await lastRound(running, 0))?.outcome === 'equal');
    await inject(running, 0, { node, kind, count: 3 });
    await running.until('the drift to be seen', async () => {
      const { counts, health } = await running.replica(node, 0);
      return health === 'drifted' || counts.driftEvents > 0;
    });
    // The scrub may meet the damaged rows one after the other.
    await running.until('all of it to be healed', () => haveEqualDumps(running, 0));
    await running.converged();
    await running.until('the last round to be a proof', async () => {
      const { shards } = await viewOf(running);
      return shards.every(({ lastRound: last, patients }) => {
        return last?.outcome === 'equal' && patients.length === 0;
      });
    });
    const metrics = await (await fetch(`${running.healerUrl()}/metrics`)).text();
    expect(metrics).toMatch(/anti_entropy_drift_to_proven_seconds_count [1-3]\n/);
  });
});

describe('two processes', () => {
  it('never work on one shard at one time', async () => {
    const env = { ...healerEnv, DRIFTLESS_ROUND_EVERY_MS: '150', DRIFTLESS_ROUND_RETRY_MS: '50' };
    const running = await startWithKeys({ antiEntropy: env });
    await running.addHealer('anti-entropy-2', env);
    const rounds = new Map<string, RoundReport>();
    await running.until('many rounds of both', async () => {
      for (const healer of ['anti-entropy-1', 'anti-entropy-2']) {
        for (const { lastRound: last } of (await viewOf(running, healer)).shards) {
          if (last) rounds.set(`${healer} ${last.shard} ${last.startedAt}`, last);
        }
      }
      const counts = Map.groupBy(rounds.values(), ({ by }) => by);
      return counts.size === 2 && [...counts.values()].every((all) => all.length >= 20);
    });
    for (const ofShard of Map.groupBy(rounds.values(), ({ shard }) => shard).values()) {
      const inOrder = ofShard.toSorted((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt));
      for (const [i, { startedAt, tookMs, by }] of inOrder.entries()) {
        const next = inOrder[i + 1];
        if (!next || next.by === by) continue;
        // Both clocks are this machine's, in milliseconds.
        expect(Date.parse(next.startedAt)).toBeGreaterThanOrEqual(Date.parse(startedAt) + tookMs - 2);
      }
    }
  });

  it('take over from one that was killed in its round', async () => {
    const running = await startWithKeys({ shards: 1 });
    await running.until('a first proof', async () => (await lastRound(running, 0))?.outcome === 'equal');
    const paused = running.node(await followerOf(running, 0));
    await paused.signal('SIGSTOP');
    // It has been told of lately: the round begins, and waits for its answer.
    void fetch(`${running.healerUrl()}/v1/anti-entropy/run`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    }).catch(() => undefined);
    await running.until('the round to be under way', async () => {
      return (await viewOf(running)).shards[0]?.state === 'running';
    });
    await running.antiEntropy?.signal('SIGKILL');
    const killedAt = performance.now();
    await paused.signal('SIGCONT');
    await running.addHealer('anti-entropy-2', healerEnv);
    await running.until('the other one to prove the shard', async () => {
      return (await lastRound(running, 0, 'anti-entropy-2'))?.outcome === 'equal';
    });
    expect(performance.now() - killedAt).toBeGreaterThan(leaseTtlMs / 2);
    expect((await lastRound(running, 0, 'anti-entropy-2'))?.by).toBe('anti-entropy-2');
  });
});
