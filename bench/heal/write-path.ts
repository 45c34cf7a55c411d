/**
 * What digests cost a write: two clusters of three nodes, one of which computes none (without-digests.ts),
 * get the same load in turns. Each round is a pair, so that what counts is a ratio within one run.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TestCluster } from '@driftless/test';
import { jsonOf, type LoadPlan } from '../load/plan.ts';
import { runLoad } from '../load/run.ts';
import { type PairCost, pairsOf, type Rate } from '../measure/pairs.ts';
import { load as loadBatches } from './exchanges.ts';

export interface WritePlan {
  rounds: number;
  measureMs: number;
  warmUpMs: number;
  valueBytes: number;
  /** Keys of one load in batches. */
  batchKeys: number;
  say(line: string): void;
}

const room = import.meta.dirname;
const withoutDigests = pathToFileURL(join(room, 'without-digests.ts')).href;

/** CPU time is that of the three nodes together for one write. */
export async function writeCosts(plan: WritePlan): Promise<PairCost[]> {
  const whole = await TestCluster.start({ shards: 1, antiEntropy: false });
  const env = { NODE_OPTIONS: `--import ${withoutDigests}` };
  const bare = await TestCluster.start({ shards: 1, antiEntropy: false, nodeEnv: env }).catch(
    async (error) => {
      await whole.stop();
      throw error;
    },
  );
  try {
    await requireNoDigests(bare);
    const single = await inTurns(plan, 'PUT, 64 connections, ack=stream', whole, bare, putsOf(plan));
    const batches = await inTurns(plan, 'batches of 1,000, ack=all', whole, bare, batchesOf(plan));
    return [single, batches];
  } finally {
    await Promise.all([whole.stop(), bare.stop()]);
  }
}

/** Writes, and says how many a second. */
type Load = (cluster: TestCluster, isWarmUp: boolean) => Promise<{ writes: number; perSecond: number }>;

async function inTurns(
  plan: WritePlan,
  name: string,
  whole: TestCluster,
  bare: TestCluster,
  load: Load,
): Promise<PairCost> {
  for (const cluster of [whole, bare]) await load(cluster, true);
  const sides = { with: () => rateOf(whole, load), without: () => rateOf(bare, load) };
  return pairsOf(name, plan.rounds, sides, ({ with: w, without }) => {
    const rates = `${Math.round(w.perSecond)}/s with, ${Math.round(without.perSecond)}/s without digests`;
    plan.say(`${name}: ${rates}`);
  });
}

async function rateOf(cluster: TestCluster, load: Load): Promise<Rate> {
  const before = await cpuSeconds(cluster);
  const { writes, perSecond } = await load(cluster, false);
  const cpu = (await cpuSeconds(cluster)) - before;
  return { perSecond, cpuMicros: (cpu / writes) * 1e6 };
}

function putsOf({ valueBytes, measureMs, warmUpMs }: WritePlan): Load {
  const request = { method: 'PUT', path: '/v1/kv/put-{key}', body: jsonOf(valueBytes) } as const;
  const base: Omit<LoadPlan, 'ports' | 'measureMs'> = { request, keys: 20_000, connections: 64, warmUpMs: 0 };
  return async (cluster, isWarmUp) => {
    const ports = [Number(new URL(cluster.gatewayUrl).port)];
    const report = await runLoad({ ...base, ports, measureMs: isWarmUp ? warmUpMs : measureMs });
    return { perSecond: report.perSecond, writes: report.ok };
  };
}

/** Every load overwrites the same keys: a row that is there has its digest checked and taken out again. */
function batchesOf({ batchKeys, valueBytes }: WritePlan): Load {
  return async (cluster) => {
    const startedAt = performance.now();
    await loadBatches(cluster, 0, batchKeys, valueBytes);
    return { perSecond: (batchKeys / (performance.now() - startedAt)) * 1000, writes: batchKeys };
  };
}

async function cpuSeconds(cluster: TestCluster): Promise<number> {
  let sum = 0;
  for (const { name } of cluster.nodes) {
    const text = await (await fetch(`${cluster.nodeUrl(name)}/metrics`)).text();
    for (const match of text.matchAll(/^process_cpu_seconds_total\S* (\S+)/gm)) sum += Number(match[1]);
  }
  return sum;
}

async function requireNoDigests(cluster: TestCluster): Promise<void> {
  await loadBatches(cluster, 0, 1, 100);
  for (const { name } of cluster.nodes) {
    const { root } = await cluster.replica(name, 0);
    if (!/^0+$/.test(root)) throw new Error(`${name} has a root, and was to compute no digests.`);
  }
}
