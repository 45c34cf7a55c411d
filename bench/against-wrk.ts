/**
 * Checks the load generator against wrk, where that is installed: the same PUTs and GETs from either, in
 * turns, on the server that does nothing and on a cluster. What the generator costs more than wrk must not
 * move the ratio by much.
 *
 *     npx node bench/against-wrk.ts
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { markdownTable } from 'markdown-table';
import { jsonOf, keyOf, type LoadRequest } from './load/plan.ts';
import { type Shape, sampleOf } from './measure/sample.ts';
import { usageOf } from './measure/usage.ts';
import { absent } from './peers/servers.ts';
import { serverMicros } from './report/metrics.ts';
import { median } from './statistics.ts';
import { startCeiling } from './targets/ceiling.ts';
import { ClusterTarget } from './targets/cluster.ts';
import type { Charged, Target } from './targets/target.ts';

const rounds = Number(process.env.ROUNDS ?? 5);
const measureMs = Number(process.env.MEASURE_MS ?? 4000);
const base = { ack: 'stream', level: 'eventual', valueBytes: 100, connections: 64, keys: 20_000 } as const;
const directory = mkdtempSync(join(tmpdir(), 'driftless-wrk-'));

interface Found {
  perSecond: number;
  generatorMicros: number;
  serverMicros: number;
}

async function byOurs(target: Target, shape: Shape): Promise<Found> {
  const sample = await sampleOf(target, shape, { warmUpMs: 0, measureMs });
  return {
    perSecond: sample.perSecond,
    generatorMicros: sample.cpuMicros / sample.ok,
    serverMicros: serverMicros(sample),
  };
}

async function byWrk(target: Target, shape: Shape): Promise<Found> {
  const script = join(directory, `${shape.what}.lua`);
  writeFileSync(script, luaOf(await target.request(shape), shape.keys));
  const charged = await target.charged();
  const before = microsOf(charged);
  const args = ['-t1', `-c${shape.connections}`, `-d${measureMs / 1000}s`, '-s', script];
  const command = ['wrk', ...args, `http://127.0.0.1:${target.ports[0]}`].join(' ');
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', `TIMEFORMAT='%U %S'; time ${command}`]);
  const after = microsOf(charged);
  if (/Non-2xx/.test(stdout)) throw new Error(stdout);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  const [user = 0, system = 0] = stderr.trim().split(' ').map(Number);
  return {
    perSecond: Number(/Requests\/sec: +([\d.]+)/.exec(stdout)?.[1]),
    generatorMicros: ((user + system) * 1e6) / requests,
    serverMicros: (after - before) / requests,
  };
}

function microsOf(charged: readonly Charged[]): number {
  return [...(usageOf(charged)?.values() ?? [])].reduce((sum, { micros }) => sum + micros, 0);
}

function luaOf({ method, path, body }: LoadRequest, keys: number): string {
  const template = JSON.stringify(path.replace('{key}', keyOf(0).replace(/0+$/, '%09d')));
  return `wrk.headers["content-type"] = ${body === undefined ? 'nil' : '"application/json"'}
request = function()
  local path = string.format(${template}, math.random(0, ${keys - 1}))
  return wrk.format("${method}", path, nil, ${body === undefined ? 'nil' : `'${jsonOf(base.valueBytes)}'`})
end
`;
}

const generators = { ours: byOurs, wrk: byWrk };

/** A row for each generator: medians of the rounds. */
async function rowsOf(what: 'put' | 'get', ceiling: Target, cluster: Target): Promise<string[][]> {
  const shape = { ...base, what };
  for (const target of [ceiling, cluster]) await byOurs(target, shape);
  const found = Object.entries(generators).map(([name, load]) => ({ name, load, pairs: [] as Pair[] }));
  for (let round = 0; round < rounds; round += 1) {
    for (const { load, pairs } of found) {
      pairs.push({ bare: await load(ceiling, shape), ours: await load(cluster, shape) });
    }
  }
  return found.map(({ name, pairs }) => {
    const text = (of: (pair: Pair) => number, digits: number): string =>
      median(pairs.map(of)).toFixed(digits);
    return [
      what,
      name,
      text(({ bare }) => bare.perSecond, 0),
      text(({ ours }) => ours.perSecond, 0),
      text(({ bare, ours }) => ours.perSecond / bare.perSecond, 3),
      text(({ ours }) => ours.generatorMicros, 1),
      text(({ ours }) => ours.serverMicros, 1),
    ];
  });
}

interface Pair {
  bare: Found;
  ours: Found;
}

if (absent('wrk', '--version')?.includes('not installed')) throw new Error('wrk is not installed');
const cluster = await ClusterTarget.start({ nodes: 3, shards: 1 });
const ceiling = await startCeiling(base.valueBytes);
try {
  await cluster.fill(base.keys, base.valueBytes);
  const head = ['', 'Generator', 'Ceiling', 'Driftless', 'Ratio', 'CPU µs, generator', 'CPU µs, Driftless'];
  const rows = [...(await rowsOf('put', ceiling, cluster)), ...(await rowsOf('get', ceiling, cluster))];
  process.stdout.write(`${markdownTable([head, ...rows])}\n`);
} finally {
  await ceiling.stop();
  await cluster.stop();
  rmSync(directory, { recursive: true });
}
