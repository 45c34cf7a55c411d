/**
 * Clusters of three nodes side by side, one that traces nothing and one that traces a part of its requests,
 * get the same load in turns. Spans go to a process of their own, which is charged to nobody; what making and
 * sending them costs is in the CPU time of the cluster.
 */
import { join } from 'node:path';
import {
  type Pair,
  type PairCost,
  pairLoads,
  pairShape,
  pairsOf,
  pairValueBytes,
  rateOf,
} from '../measure/pairs.ts';
import { ClusterTarget } from '../targets/cluster.ts';
import { startPrinting } from '../targets/target.ts';

export interface TracePlan {
  rounds: number;
  measureMs: number;
  warmUpMs: number;
  /** Parts of requests that are traced, each in a cluster of its own. */
  ratios: readonly number[];
}

export interface TraceCost extends PairCost {
  ratio: number;
  /** Spans that the receiver took, and that were lost, in all rounds of the load. */
  sent: number;
  lost: number;
}

export async function traceCosts(plan: TracePlan, say: (line: string) => void): Promise<TraceCost[]> {
  const receiver = await startPrinting([join(import.meta.dirname, 'receiver.ts')]);
  const costs: TraceCost[] = [];
  try {
    for (const ratio of plan.ratios) costs.push(...(await costsAt(ratio, receiver.port, plan, say)));
    return costs;
  } finally {
    receiver.child.kill();
  }
}

async function costsAt(
  ratio: number,
  port: number,
  plan: TracePlan,
  say: (line: string) => void,
): Promise<TraceCost[]> {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_TRACES_SAMPLER_ARG: String(ratio),
  };
  const bare = await ClusterTarget.start({ shards: 1 });
  try {
    const traced = await ClusterTarget.start({ shards: 1, nodeEnv: env, gatewayEnv: env, antiEntropy: env });
    try {
      return await costsBetween(traced, bare, ratio, plan, say);
    } finally {
      await traced.stop();
    }
  } finally {
    await bare.stop();
  }
}

async function costsBetween(
  traced: ClusterTarget,
  bare: ClusterTarget,
  ratio: number,
  { rounds, measureMs, warmUpMs }: TracePlan,
  say: (line: string) => void,
): Promise<TraceCost[]> {
  const costs: TraceCost[] = [];
  for (const target of [traced, bare]) await target.fill(pairShape.keys, pairValueBytes);
  for (const [load, ask] of Object.entries(pairLoads)) {
    for (const target of [bare, traced]) await rateOf(target, ask, warmUpMs);
    const before = await spansOf(traced);
    const side = (target: ClusterTarget) => () => rateOf(target, ask, measureMs);
    const sides = { with: side(traced), without: side(bare) };
    const cost = await pairsOf(load, rounds, sides, (pair) => say(`${load}, ${ratio * 100}%: ${told(pair)}`));
    const after = await spansOf(traced);
    const spans = { sent: after.sent - before.sent, lost: after.lost - before.lost };
    if (spans.sent === 0) throw new Error(`${load}: the receiver took no span`);
    costs.push({ ...cost, ratio, ...spans });
  }
  return costs;
}

function told({ with: w, without }: Pair): string {
  const more = (100 * w.perSecond) / without.perSecond - 100;
  const rates = `${Math.round(w.perSecond)}/s with traces, ${Math.round(without.perSecond)}/s without`;
  return `${rates}: ${more.toFixed(2)}%`;
}

async function spansOf({ cluster }: ClusterTarget): Promise<{ sent: number; lost: number }> {
  const urls = [cluster.gatewayUrl, ...cluster.nodes.map(({ name }) => cluster.nodeUrl(name))];
  const texts = await Promise.all(urls.map(async (url) => (await fetch(`${url}/metrics`)).text()));
  const sum = (name: string): number =>
    texts
      .flatMap((text) => [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\d+)$`, 'gm'))])
      .reduce((total, [, value]) => total + Number(value), 0);
  return { sent: sum('trace_spans_sent_total'), lost: sum('trace_spans_lost_total') };
}
