/**
 * kill -9 of each part under load (ack=stream): nothing acknowledged is missing on any replica, no refused or
 * invented value is there, roots are equal, and writes flow again within 10 s.
 */
import { performance } from 'node:perf_hooks';
import { afterEach, describe, expect, it } from 'vitest';
import { TestCluster } from '../harness/cluster.ts';
import { problemsOf } from '../harness/dump.ts';
import { Load, longestPauseMs, longestShardPauseMs } from '../harness/load.ts';
import type { TestProcess } from '../harness/process.ts';

const flowAgainMsMax = 10_000;
const perSecond = 250;

let cluster: TestCluster | undefined;
let load: Load | undefined;

afterEach(async () => {
  await load?.stop();
  await cluster?.stop();
});

interface Kill {
  victim: (running: TestCluster) => Promise<TestProcess>;
  /** What must have happened before the victim is started again. */
  meanwhile?: (running: TestCluster, victim: TestProcess) => Promise<void>;
}

async function killUnderLoad({ victim: pick, meanwhile }: Kill): Promise<void> {
  cluster = await TestCluster.start();
  load = new Load(cluster, { perSecond, ack: 'stream', name: 'kill' });
  await load.more(perSecond);
  const victim = await pick(cluster);
  const killedAt = performance.now();
  await victim.signal('SIGKILL');
  await meanwhile?.(cluster, victim);
  victim.start();
  await load.more(2 * perSecond);
  const history = await load.stop();
  await cluster.converged();
  expect(await problemsOf(cluster, history)).toEqual([]);
  expect(longestPauseMs(history, killedAt)).toBeLessThan(flowAgainMsMax);
  expect(longestShardPauseMs(history, killedAt, cluster.shardCount)).toBeLessThan(flowAgainMsMax);
}

async function followerOf(running: TestCluster, shard: number): Promise<TestProcess> {
  const leader = await running.leaderOf(shard);
  return running.nodes.find(({ name }) => name !== leader) as TestProcess;
}

describe('kill -9 under load of 250 writes/s with ack=stream', () => {
  it('of a follower', async () => {
    await killUnderLoad({
      victim: (running) => followerOf(running, 0),
      meanwhile: async () => load?.more(2 * perSecond),
    });
  });

  it('of a leader that stays away until another one leads', async () => {
    await killUnderLoad({
      victim: async (running) => running.node(await running.leaderOf(0)),
      meanwhile: async (running) => {
        await running.leaderOf(0);
        await load?.more(perSecond);
      },
    });
  });

  it('of a leader that comes back at once', async () => {
    await killUnderLoad({ victim: async (running) => running.node(await running.leaderOf(0)) });
  });

  it('of nats-server', async () => {
    await killUnderLoad({ victim: async (running) => running.nats });
  });

  it('of the gateway', async () => {
    await killUnderLoad({ victim: async (running) => running.gateway });
  });
});
