/**
 * Two ways to the same figure. Under load: rounds with and without scrapes in turns on one cluster, so that a
 * pair is a ratio; what other work does to a round is more than a scrape is. And one scrape by itself, many
 * times over while nothing else is asked: its CPU time by process, which is small and exact.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Pair,
  type PairCost,
  pairLoads,
  pairShape,
  pairsOf,
  pairValueBytes,
  type Rate,
  rateOf,
} from '../measure/pairs.ts';
import { usageOf } from '../measure/usage.ts';
import type { ClusterTarget } from '../targets/cluster.ts';

export interface ScrapePlan {
  rounds: number;
  measureMs: number;
  warmUpMs: number;
  /** How often every process is scraped. */
  everyMs: number;
}

/** One scrape of one process. */
export interface ScrapeCost {
  process: string;
  series: number;
  bytes: number;
  cpuMicros: number;
}

const scrapesOfOne = 100;

export async function costsUnderLoad(
  target: ClusterTarget,
  plan: ScrapePlan,
  say: (line: string) => void,
): Promise<PairCost[]> {
  await target.fill(pairShape.keys, pairValueBytes);
  const costs: PairCost[] = [];
  for (const [load, ask] of Object.entries(pairLoads)) {
    const measured = (): Promise<Rate> => rateOf(target, ask, plan.measureMs);
    await rateOf(target, ask, plan.warmUpMs);
    const sides = { with: () => scraped(target, plan.everyMs, measured), without: measured };
    const onPair = (pair: Pair): void => {
      const more = (100 * pair.with.cpuMicros) / pair.without.cpuMicros - 100;
      say(`${load}: ${more.toFixed(2)}% CPU time of a request more with scrapes`);
    };
    costs.push(await pairsOf(load, plan.rounds, sides, onPair));
  }
  return costs;
}

async function scraped(target: ClusterTarget, everyMs: number, measured: () => Promise<Rate>): Promise<Rate> {
  const over = new AbortController();
  const scraping = scrapeAll(target, everyMs, over.signal);
  const rate = await measured();
  over.abort();
  await scraping;
  return rate;
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
