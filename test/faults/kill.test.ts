/**
 * kill -9 of each part under load (ack=stream): nothing acknowledged is missing on any replica, no refused or
 * invented value is there, roots are equal, and writes flow again within 10 s.
 */
import { performance } from 'node:perf_hooks';
import { afterEach, describe, expect, it } from 'vitest';
import { TestCluster } from '../harness/cluster.ts';
import { problemsOf } from '../harness/dump.ts';
import { Load, longestPauseMs } from '../harness/load.ts';
import type { TestProcess } from '../harness/process.ts';

const flowAgainMsMax = 10_000;
const perSecond = 250;

let cluster: TestCluster | undefined;
let load: Load | undefined;

afterEach(async () => {
  await load?.stop();
  await cluster?.stop();
});

async function killUnderLoad(
  pick: (running: TestCluster) => Promise<TestProcess>,
  comeBack: 'at once' | 'later',
) {
  cluster = await TestCluster.start();
  load = new Load(cluster, { perSecond, ack: 'stream', name: 'kill' });
  await load.more(perSecond);
  const victim = await pick(cluster);
  const killedAt = performance.now();
  await victim.signal('SIGKILL');
  if (comeBack === 'at once') victim.start();
  await load.more(perSecond);
  if (comeBack === 'later') victim.start();
  await load.more(perSecond);
  const history = await load.stop();
  await cluster.converged();
  expect(await problemsOf(cluster, history)).toEqual([]);
  expect(longestPauseMs(history, killedAt)).toBeLessThan(flowAgainMsMax);
  return history;
}

describe('kill -9 under load of 250 writes/s with ack=stream', () => {
  it('of a follower', async () => {
    const history = await killUnderLoad(async (running) => {
      const leader = await running.leaderOf(0);
      const follower = running.nodes.find(({ name }) => name !== leader);
      return follower as TestProcess;
    }, 'later');
    expect(history.length).toBeGreaterThan(3 * perSecond - 1);
  });

  it('of a leader that stays away until another one leads', async () => {
    await killUnderLoad(async (running) => running.node(await running.leaderOf(0)), 'later');
  });

  it('of a leader that comes back at once', async () => {
    await killUnderLoad(async (running) => running.node(await running.leaderOf(0)), 'at once');
  });

  it('of nats-server', async () => {
    await killUnderLoad(async (running) => running.nats, 'at once');
  });

  it('of the gateway', async () => {
    await killUnderLoad(async (running) => running.gateway, 'at once');
  });
});
