/**
 * Scenarios in a closed loop, parted into blocks: what runs on one target and has one ceiling (the same
 * request, connections and bytes) is measured in turns with it, so that a slow minute of the machine hits
 * both sides of a ratio.
 */
import type { ClusterOptions } from '@driftless/test';
import { type Peer, type PeerName, peers } from '../peers/peers.ts';
import type { Measured } from '../report/run.ts';
import type { ClusterShape, Load } from '../scenarios.ts';
import { ClusterTarget } from '../targets/cluster.ts';
import type { Target } from '../targets/target.ts';
import type { Ceilings } from './ceilings.ts';
import type { Effort } from './effort.ts';
import { sampleOf } from './sample.ts';

export type Say = (line: string) => void;

/** What the scenarios of one target have in common. */
export function targetName({ on }: Load): string {
  return typeof on === 'string' ? on : `cluster ${on.replicas} ${on.shards} ${on.gateways}`;
}

/** Loads by target, and within one by ceiling, in the table's order. */
export function blocksOf<One extends Load>(scenarios: readonly One[]): One[][][] {
  const byTarget = [...Map.groupBy(scenarios, targetName).values()];
  return byTarget.map((some) => [...Map.groupBy(some, ceilingName).values()]);
}

/** An increment is a write of few bytes: its ceiling is the PUT that does nothing. */
function ceilingName({ what, connections, valueBytes }: Load): string {
  return [what === 'get' ? 'get' : 'put', connections, valueBytes].join(' ');
}

export function obstacleOf({ on }: Load): string | undefined {
  return typeof on === 'string' ? peers[on].obstacle() : undefined;
}

async function startTarget(on: Load['on']): Promise<Target> {
  if (typeof on === 'string') return (peers as Record<PeerName, Peer>)[on].start();
  return startCluster(on);
}

export function startCluster({ replicas, shards, gateways }: ClusterShape, more: ClusterOptions = {}) {
  const nodeEnv = { DRIFTLESS_REPLICATION_FACTOR: String(replicas) };
  return ClusterTarget.start({ nodes: replicas, shards, nodeEnv, ...more }, gateways);
}

/** All that runs on one target; `after` is done on it when its peaks are known. */
export async function measureTarget(
  blocks: readonly Load[][],
  ceilings: Ceilings,
  effort: Effort,
  say: Say,
  after: (target: Target, measured: readonly Measured[]) => Promise<void>,
): Promise<Measured[]> {
  const first = blocks[0]?.[0] as Load;
  say(`starting ${targetName(first)}`);
  const target = await startTarget(first.on);
  try {
    const measured = await measureOn(target, blocks, ceilings, effort, say);
    await after(target, measured);
    return measured;
  } finally {
    await target.stop();
  }
}

/** The loads of a target that has just started. */
export async function measureOn(
  target: Target,
  blocks: readonly Load[][],
  ceilings: Ceilings,
  effort: Effort,
  say: Say,
): Promise<Measured[]> {
  const measured: Measured[] = [];
  await warmUp(target, blocks.flat(), effort);
  for (const block of blocks) measured.push(...(await measureBlock(target, block, ceilings, effort, say)));
  return measured;
}

/** Once for each kind of request. */
async function warmUp(target: Target, scenarios: readonly Load[], effort: Effort): Promise<void> {
  for (const [, [scenario]] of Map.groupBy(scenarios, ({ what }) => what)) {
    if (scenario === undefined) continue;
    await target.fill?.(scenario.keys, scenario.valueBytes);
    await sampleOf(target, scenario, { warmUpMs: 0, measureMs: effort.warmUpMs });
  }
}

async function measureBlock(
  target: Target,
  block: readonly Load[],
  ceilings: Ceilings,
  { rounds, settleMs, measureMs }: Effort,
  say: Say,
): Promise<Measured[]> {
  const measured = block.map((scenario) => ({ scenario, into: startOf(scenario) }));
  const [first] = block as [Load];
  const times = { warmUpMs: settleMs, measureMs };
  await target.fill?.(Math.max(...block.map(({ keys }) => keys)), first.valueBytes);
  for (let round = 0; round < rounds; round += 1) {
    const ceiling = await ceilings.sample(first, times);
    for (const { scenario, into } of measured) {
      const before = await countOf(target, scenario);
      const sample = await sampleOf(target, scenario, times);
      into.rounds.push({ ceiling, sample });
      if (before !== undefined) {
        const isExact = (await countOf(target, scenario)) === before + sample.ok && sample.unanswered === 0;
        into.isExact = isExact && into.isExact !== false;
      }
      say(`${scenario.name}: ${Math.round(sample.perSecond)}/s of ${Math.round(ceiling.perSecond)}/s`);
    }
  }
  return measured.map(({ into }) => into);
}

function startOf({ name }: Load): Measured {
  return { scenario: name, rounds: [] };
}

/** Of a scenario with one hot counter: its value. */
async function countOf(target: Target, { what, keys }: Load): Promise<number | undefined> {
  return what === 'increment' && keys === 1 ? target.counter?.() : undefined;
}
