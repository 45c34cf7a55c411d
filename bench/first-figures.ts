/**
 * `npm run bench:first`: PUT (ack=stream, 3 replicas) against a Fastify no-op PUT, GET (eventual) against a
 * Fastify GET from a Map, and follower lag under that PUT load; 64 connections, values of 100 bytes.
 * Everything runs in one go on one machine, in turns, so what counts are the ratios; the absolute figures are
 * this machine's.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TestCluster } from '@driftless/test';
import type { LoadPlan, LoadReport } from './load/client.ts';

const rounds = Number(process.env.ROUNDS ?? 3);
/** One shard, and as many as `npm start` makes. */
const shardCounts = (process.env.SHARDS ?? '1,4').split(',').map(Number);
/** A compiler that learns while it runs has then learned. */
const warmUpMs = Number(process.env.WARM_UP_MS ?? 20_000);
const base = {
  connections: 64,
  valueBytes: 100,
  keys: 20_000,
  path: '/v1/kv/bench-',
  warmupMs: 2000,
  measureMs: 5000,
};
const here = import.meta.dirname;

async function load(plan: Pick<LoadPlan, 'port' | 'method'> & Partial<LoadPlan>): Promise<LoadReport> {
  const args = [join(here, 'load/client.ts'), JSON.stringify({ ...base, ...plan })];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as LoadReport;
}

/** Every key has a value before anything is measured, so that each GET finds one. */
async function fill(url: string): Promise<void> {
  const page = 500;
  for (let from = 0; from < base.keys; from += page) {
    const value = 'x'.repeat(base.valueBytes - 2);
    const operations = Array.from({ length: page }, (_, i) => ({
      op: 'put',
      key: `bench-${from + i}`,
      value,
    }));
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${url}/v1/batch`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ operations }),
    });
    if (!answer.ok) throw new Error(`POST /v1/batch answered ${answer.status}`);
  }
}

async function startCeiling(): Promise<{ port: number; stop(): void }> {
  const child = spawn(process.execPath, [join(here, 'load/ceiling.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { port: Number(line.toString()), stop: () => child.kill() };
}

interface Buckets {
  /** Upper bound in seconds → events at most that old, cumulative. */
  counts: Map<number, number>;
}

/** Age of events when followers applied them, by the histogram of all nodes. */
async function lagBuckets(cluster: TestCluster): Promise<Buckets> {
  const counts = new Map<number, number>();
  for (const { name } of cluster.nodes) {
    const text = await (await fetch(`${cluster.nodeUrl(name)}/metrics`)).text();
    for (const match of text.matchAll(
      /^replication_lag_at_apply_seconds_bucket\{.*le="([^"]+)".*\} (\d+)/gm,
    )) {
      const bound = match[1] === '+Inf' ? Number.POSITIVE_INFINITY : Number(match[1]);
      counts.set(bound, (counts.get(bound) ?? 0) + Number(match[2]));
    }
  }
  return { counts };
}

/** As PromQL's histogram_quantile: linear within a bucket. Seconds. */
function quantileOf(before: Buckets, after: Buckets, q: number): number {
  const bounds = [...after.counts.keys()].sort((a, b) => a - b);
  const count = (bound: number): number => (after.counts.get(bound) ?? 0) - (before.counts.get(bound) ?? 0);
  const wanted = q * count(Number.POSITIVE_INFINITY);
  let [lower, below] = [0, 0];
  for (const bound of bounds) {
    const upTo = count(bound);
    if (upTo >= wanted) {
      if (!Number.isFinite(bound)) return lower;
      return lower + ((bound - lower) * (wanted - below)) / Math.max(1, upTo - below);
    }
    [lower, below] = [bound, upTo];
  }
  return Number.NaN;
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function row(name: string, reports: readonly LoadReport[]): string {
  const rates = reports.map(({ perSecond }) => perSecond);
  const [low, middle, high] = [Math.min(...rates), median(rates), Math.max(...rates)].map(Math.round);
  const p50 = median(reports.map(({ p50Ms }) => p50Ms)).toFixed(1);
  const p99 = median(reports.map(({ p99Ms }) => p99Ms)).toFixed(1);
  const refused = reports.reduce((sum, report) => sum + report.refused, 0);
  return `| ${name} | ${middle} (${low}–${high}) | ${p50} | ${p99} | ${refused} |`;
}

function ratio(ours: readonly LoadReport[], ceiling: readonly LoadReport[]): string {
  const pairs = ours.map((report, index) => report.perSecond / (ceiling[index]?.perSecond ?? Number.NaN));
  return `${median(pairs).toFixed(2)} (${Math.min(...pairs).toFixed(2)}–${Math.max(...pairs).toFixed(2)})`;
}

type Results = Record<'noopPut' | 'put' | 'mapGet' | 'get', LoadReport[]>;

async function measure(shards: number): Promise<{ results: Results; lag: (q: number) => string }> {
  const cluster = await TestCluster.start({ shards });
  const ceiling = await startCeiling();
  try {
    const port = Number(new URL(cluster.gatewayUrl).port);
    const results: Results = { noopPut: [], put: [], mapGet: [], get: [] };
    await fill(cluster.gatewayUrl);
    for (const method of ['PUT', 'GET'] as const) {
      await load({ port: ceiling.port, method, warmupMs: 0, measureMs: warmUpMs / 4 });
      await load({ port, method, warmupMs: 0, measureMs: warmUpMs });
    }
    const before = await lagBuckets(cluster);
    for (let round = 0; round < rounds; round += 1) {
      results.noopPut.push(await load({ port: ceiling.port, method: 'PUT' }));
      results.put.push(await load({ port, method: 'PUT' }));
    }
    const after = await lagBuckets(cluster);
    for (let round = 0; round < rounds; round += 1) {
      results.mapGet.push(await load({ port: ceiling.port, method: 'GET' }));
      results.get.push(await load({ port, method: 'GET' }));
    }
    return { results, lag: (q) => (quantileOf(before, after, q) * 1000).toFixed(1) };
  } finally {
    ceiling.stop();
    await cluster.stop();
  }
}

const machine = `${cpus().length} cores (${cpus()[0]?.model}), ${Math.round(totalmem() / 2 ** 30)} GiB`;
const turns = `${rounds} rounds of ${base.measureMs / 1000} s in turns, medians (min–max)`;
process.stdout.write(`
${machine}, Node ${process.version};
${base.connections} connections, ${base.valueBytes}-byte values, ${turns}
`);
for (const shards of shardCounts) {
  const { results, lag } = await measure(shards);
  process.stdout.write(`
Shards: ${shards}

| | per second | p50 ms | p99 ms | refused |
|---|---|---|---|---|
${row('Fastify no-op PUT', results.noopPut)}
${row('Driftless PUT, ack=stream, 3 replicas', results.put)}
${row('Fastify GET from a Map', results.mapGet)}
${row('Driftless GET, eventual', results.get)}

PUT ratio ${ratio(results.put, results.noopPut)}; GET ratio ${ratio(results.get, results.mapGet)}
Follower lag at apply under that load: p50 ${lag(0.5)} ms, p99 ${lag(0.99)} ms
`);
}
