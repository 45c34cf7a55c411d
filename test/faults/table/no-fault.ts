/**
 * Nothing is spoiled, and nothing may be found: ten minutes of load under which replicas are compared again
 * and again. A node that says that it drifted, or repairs a row, violates that (`run.ts`); so would rounds
 * that did not take place.
 */
import { comparePositions } from '@driftless/contracts';
import type { TestCluster } from '../../harness/cluster.ts';
import { bounds, type Fault, type Scene } from '../runner/fault.ts';

const lastsMs = 10 * 60_000;
/**
 * Of four shards, which each have a round every two seconds or so when nothing is in their way. Where a
 * replica is seconds behind, most rounds end without a position that all have met.
 */
const roundsMin = 500;
const roundsMinBehind = 100;
/** Each way, between the follower and NATS. */
const behindLatencyMs = 1_500;
const behindMsMin = 1_000;

const quiet = {
  family: 'no fault' as const,
  recovers: 'while it lasts' as const,
  recoveryMsMax: bounds.recoveryMs,
  convergenceMsMax: bounds.convergenceMs,
  runsEnough: 2,
  hold: (scene: Scene) => scene.lasts(lastsMs),
};

/** How late the follower has what its leader had, again and again for as long as the fault lasts. */
async function measureBehind(scene: Scene): Promise<void> {
  const { cluster, follower, shard } = scene;
  const times: number[] = [];
  behind.set(scene, times);
  for (const endsAt = performance.now() + lastsMs; performance.now() < endsAt; ) {
    const leader = await cluster.replica(await cluster.leaderOf(shard), shard);
    const startedAt = performance.now();
    await cluster.until(`${follower.name} to catch up`, async () => {
      const { applied } = await cluster.replica(follower.name, shard);
      return comparePositions(applied, leader.applied) >= 0;
    });
    times.push(performance.now() - startedAt);
  }
}

const behind = new WeakMap<Scene, number[]>();

function judgeBehind(scene: Scene): string[] {
  const times = (behind.get(scene) ?? []).sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)] ?? 0;
  return median >= behindMsMin ? [] : [`${scene.follower.name} was only ${Math.round(median)} ms behind`];
}

/** Rounds that ended so far, by outcome. */
async function roundsOf(cluster: TestCluster): Promise<Map<string, number>> {
  const text = await (await fetch(`${cluster.healerUrl()}/metrics`)).text();
  const rounds = new Map<string, number>();
  for (const [, outcome, count] of text.matchAll(
    /^anti_entropy_rounds_total\{.*outcome="([^"]*)".*\} (\d+)/gm,
  )) {
    rounds.set(String(outcome), (rounds.get(String(outcome)) ?? 0) + Number(count));
  }
  return rounds;
}

const before = new WeakMap<Scene, Map<string, number>>();
const noteRounds = async (scene: Scene): Promise<void> => {
  before.set(scene, await roundsOf(scene.cluster));
};

async function judgeRounds(scene: Scene, equalMin: number): Promise<string[]> {
  const rounds = await roundsOf(scene.cluster);
  const of = (outcome: string) => (rounds.get(outcome) ?? 0) - (before.get(scene)?.get(outcome) ?? 0);
  const problems = of('different') === 0 ? [] : [`${of('different')} rounds found replicas different`];
  if (of('equal') < equalMin) problems.push(`only ${of('equal')} rounds proved replicas equal`);
  return problems;
}

export const noFaults: Fault[] = [
  {
    ...quiet,
    name: 'ten minutes of load, and nothing else',
    breaks: 'no false alarm: nobody finds drift, and no row is repaired',
    inject: async (scene) => {
      await noteRounds(scene);
      return () => undefined;
    },
    judge: (scene) => judgeRounds(scene, roundsMin),
  },
  {
    ...quiet,
    name: 'ten minutes of load, a follower seconds behind',
    breaks: 'the same: who is behind is not different',
    cluster: { links: true },
    inject: async (scene) => {
      await noteRounds(scene);
      const link = scene.cluster.link(scene.follower.name, 'nats');
      link.slow(behindLatencyMs);
      return () => link.heal();
    },
    hold: measureBehind,
    judge: async (scene) => [...judgeBehind(scene), ...(await judgeRounds(scene, roundsMinBehind))],
  },
];
