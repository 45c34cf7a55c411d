/**
 * JetStream is transport, not truth: whatever it loses while the cluster writes, nothing that was
 * acknowledged is missing afterwards, the replicas are equal, and no operator was needed.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { consumerName, streamName } from '@driftless/contracts';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterEach, describe, expect, it } from 'vitest';
import { TestCluster } from '../harness/cluster.ts';
import { problemsOf } from '../harness/dump.ts';
import { Load, type LoadOptions } from '../harness/load.ts';

const perSecond = 250;

let cluster: TestCluster | undefined;
let load: Load | undefined;

afterEach(async () => {
  await load?.stop();
  await cluster?.stop();
});

/** Runs a fault under load, lets the cluster recover, and holds it against what was acknowledged. */
async function underLoad(
  ack: LoadOptions['ack'],
  fault: (running: TestCluster, writing: Load) => Promise<void>,
): Promise<void> {
  cluster = await TestCluster.start();
  load = new Load(cluster, { perSecond, ack, name: 'js' });
  await load.more(perSecond);
  await fault(cluster, load);
  await load.more(2 * perSecond, 60_000);
  const history = await load.stop();
  await cluster.converged(60_000);
  expect(await problemsOf(cluster, history)).toEqual([]);
}

async function manage(
  running: TestCluster,
  work: (jsm: JetStreamManager) => Promise<unknown>,
): Promise<void> {
  const connection = await connect({ servers: running.natsUrl });
  await work(await jetstreamManager(connection));
  await connection.close();
}

describe('JetStream loses under load', () => {
  it('a stream, deleted: the epoch ends and a new one begins on a new stream', async () => {
    await underLoad('stream', (running) =>
      manage(running, (jsm) => jsm.streams.delete(streamName('driftless', 0))),
    );
  });

  it('the contents of a stream, purged', async () => {
    await underLoad('stream', (running) =>
      manage(running, (jsm) => jsm.streams.purge(streamName('driftless', 1))),
    );
  });

  it('the consumer of a node, deleted', async () => {
    await underLoad('stream', async (running) => {
      const leader = await running.leaderOf(0);
      const follower = running.nodes.find(({ name }) => name !== leader)?.name ?? '';
      await manage(running, (jsm) =>
        jsm.consumers.delete(streamName('driftless', 0), consumerName(follower)),
      );
    });
  });

  it('its whole disk, wiped while the server is down', async () => {
    await underLoad('stream', async (running) => {
      await running.nats.signal('SIGKILL');
      rmSync(join(running.directory, 'jetstream'), { recursive: true });
      running.nats.start();
    });
  });

  it('its whole disk, and a leader at the same time: ack=majority loses nothing', async () => {
    await underLoad('majority', async (running) => {
      const leader = running.node(await running.leaderOf(0));
      await Promise.all([running.nats.signal('SIGKILL'), leader.signal('SIGKILL')]);
      rmSync(join(running.directory, 'jetstream'), { recursive: true });
      running.nats.start();
      await running.until('another leader', async () => {
        const others = running.nodes.filter((node) => node !== leader);
        const replicas = await Promise.all(others.map(({ name }) => running.replica(name, 0)));
        return replicas.some(({ role }) => role === 'leading');
      });
      leader.start();
    });
  });
});
