/**
 * Two ways to the same figure. Under load: rounds with and without scrapes in turns on one cluster, so that a
 * pair is a ratio; what other work does to a round is more than a scrape is. And one scrape by itself, many
 * times over while nothing else is asked: its CPU time by process, which is small and exact.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { sampleOf } from '../measure/sample.ts';
import { usageOf } from '../measure/usage.ts';
import { generatorName } from '../report/run.ts';
import type { ClusterTarget } from '../targets/cluster.ts';
import type { Ask } from '../targets/target.ts';

export interface ScrapePlan {
  rounds: number;
  measureMs: number;
  warmUpMs: number;
  /** How often every process is scraped. */
  everyMs: number;
}

export interface Rate {
  perSecond: number;
  /** CPU time of all processes of the cluster for one request. */
  cpuMicros: number;
}

export interface LoadCost {
  load: string;
  rounds: { with: Rate; without: Rate }[];
}

/** One scrape of one process. */
export interface ScrapeCost {
  process: string;
  series: number;
  bytes: number;
  cpuMicros: number;
}

const shape = { connections: 64, keys: 20_000 };
const valueBytes = 100;
const loads: Record<string, Ask> = {
  'PUT, ack=stream': { what: 'put', ack: 'stream', level: 'eventual', valueBytes },
  'GET, eventual': { what: 'get', ack: 'stream', level: 'eventual', valueBytes },
};
const scrapesOfOne = 100;

export async function costsUnderLoad(
  target: ClusterTarget,
  plan: ScrapePlan,
  say: (line: string) => void,
): Promise<LoadCost[]> {
  await target.fill(shape.keys, valueBytes);
  const costs: LoadCost[] = [];
  for (const [load, ask] of Object.entries(loads)) {
    await rateOf(target, ask, plan.warmUpMs);
    const cost: LoadCost = { load, rounds: [] };
    costs.push(cost);
    for (let round = 0; round < plan.rounds; round += 1) {
      // Who is first takes turns as well.
      const scrapesFirst = round % 2 === 1;
      const first = await rateOf(target, ask, plan.measureMs, scrapesFirst ? plan.everyMs : undefined);
      const second = await rateOf(target, ask, plan.measureMs, scrapesFirst ? undefined : plan.everyMs);
      const pair = scrapesFirst ? { with: first, without: second } : { with: second, without: first };
      cost.rounds.push(pair);
      const ratio = (100 * pair.with.cpuMicros) / pair.without.cpuMicros - 100;
      say(`${load}: ${ratio.toFixed(2)}% CPU time of a request more with scrapes`);
    }
  }
  return costs;
}

async function rateOf(target: ClusterTarget, ask: Ask, measureMs: number, everyMs?: number): Promise<Rate> {
  const over = new AbortController();
  const scraping = everyMs === undefined ? undefined : scrapeAll(target, everyMs, over.signal);
  const sample = await sampleOf(target, { ...shape, ...ask }, { warmUpMs: 0, measureMs });
  over.abort();
  await scraping;
  const { [generatorName]: _, ...ours } = sample.cpuMicrosEach ?? {};
  return {
    perSecond: sample.perSecond,
    cpuMicros: Object.values(ours).reduce((sum, micros) => sum + micros, 0),
  };
}

async function scrapeAll(target: ClusterTarget, everyMs: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await Promise.all(urlsOf(target).map(async ({ url }) => (await fetch(`${url}/metrics`)).arrayBuffer()));
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Of each process, one after the other, while nothing else is asked of them. */
export async function costsOfOne(target: ClusterTarget): Promise<ScrapeCost[]> {
  const costs: ScrapeCost[] = [];
  for (const { process, url, pid } of urlsOf(target)) {
    const micros = (): number => usageOf([{ name: process, pid }])?.get(process)?.micros ?? Number.NaN;
    const text = await (await fetch(`${url}/metrics`)).text();
    const idle = await spent(micros, () => sleep(5000));
    const took = performance.now();
    const all = await spent(micros, async () => {
      for (let i = 0; i < scrapesOfOne; i += 1) await (await fetch(`${url}/metrics`)).arrayBuffer();
    });
    // What it does besides, it does meanwhile.
    const besides = (idle / 5000) * (performance.now() - took);
    const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
    costs.push({ process, series, bytes: text.length, cpuMicros: (all - besides) / scrapesOfOne });
  }
  return costs;
}

async function spent(micros: () => number, work: () => Promise<unknown>): Promise<number> {
  const before = micros();
  await work();
  return micros() - before;
}

function urlsOf({ cluster }: ClusterTarget): { process: string; url: string; pid: number }[] {
  const { gateway, antiEntropy, nodes } = cluster;
  const parts = [
    { process: gateway.name, url: cluster.gatewayUrl, pid: gateway.pid },
    ...nodes.map(({ name, pid }) => ({ process: name, url: cluster.nodeUrl(name), pid })),
    { process: antiEntropy?.name ?? '', url: cluster.healerUrl(), pid: antiEntropy?.pid },
  ];
  return parts.flatMap(({ pid, ...part }) => (pid === undefined ? [] : { ...part, pid }));
}
