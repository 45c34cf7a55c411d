/** JetStream loses what it was given. It is transport, not truth: nothing acknowledged goes with it. */
import { cpSync, renameSync, rmSync } from 'node:fs';
import { consumerName, streamName } from '@driftless/contracts';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { bounds, type Fault, type Scene, type Undo } from '../runner/fault.ts';

const lost = {
  family: 'JetStream' as const,
  recovers: 'while it lasts' as const,
  recoveryMsMax: bounds.convergenceAfterNatsMs,
  convergenceMsMax: bounds.convergenceAfterNatsMs,
};
const nothingToUndo: Undo = () => undefined;

/** Done at once, and for good. */
const manage =
  (work: (jsm: JetStreamManager, scene: Scene) => Promise<unknown>) =>
  async (scene: Scene): Promise<Undo> => {
    const connection = await connect({ servers: scene.cluster.natsUrl });
    await work(await jetstreamManager(connection), scene);
    await connection.close();
    return nothingToUndo;
  };
const streamOf = ({ shard }: Scene): string => streamName('driftless', shard);

/** More than a stream holds, in every shard. */
async function writeMuch({ cluster, traffic }: Scene): Promise<void> {
  const value = 'x'.repeat(20_000);
  for (let from = 0; from < 400; from += 20) {
    const operations = Array.from({ length: 20 }, (_, i) => ({ op: 'put', key: `much/${from + i}`, value }));
    await cluster.until('a batch to be written', async () => {
      const answer = await fetch(`${cluster.gatewayUrl}/v1/batch`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ operations }),
      });
      return answer.ok;
    });
  }
  await traffic.more(20);
}

export const jetstreamFaults: Fault[] = [
  {
    ...lost,
    name: 'stream deleted',
    breaks: 'the epoch ends; a new one begins on a new stream',
    isShort: true,
    inject: manage((jsm, scene) => jsm.streams.delete(streamOf(scene))),
  },
  {
    ...lost,
    name: 'stream purged',
    breaks: 'followers take from a log what the stream lost',
    inject: manage((jsm, scene) => jsm.streams.purge(streamOf(scene))),
  },
  {
    ...lost,
    name: "follower's consumer deleted",
    breaks: 'a consumer is made again where the replica stands',
    inject: manage((jsm, scene) => jsm.consumers.delete(streamOf(scene), consumerName(scene.follower.name))),
  },
  {
    ...lost,
    name: 'NATS store put back as it was a while ago',
    breaks: 'the stream, the leases and the consumers go back',
    recovers: 'once it is undone',
    inject: async ({ cluster, traffic }) => {
      const { nats } = cluster;
      const [store, copy] = [cluster.natsStore(), `${cluster.natsStore()}.copy`];
      await nats.signal('SIGKILL');
      cpSync(store, copy, { recursive: true });
      nats.start();
      await traffic.more(50);
      await nats.signal('SIGKILL');
      rmSync(store, { recursive: true });
      renameSync(copy, store);
      return () => nats.start();
    },
  },
  {
    ...lost,
    name: 'retention overran a paused follower',
    breaks: 'what the stream does not hold any more comes from the log of a peer',
    cluster: { nodeEnv: { DRIFTLESS_STREAM_BYTES_MAX: String(1024 * 1024) } },
    inject: async ({ follower }) => {
      await follower.signal('SIGSTOP');
      return () => follower.signal('SIGCONT');
    },
    hold: writeMuch,
  },
  {
    ...lost,
    name: 'NATS store wiped',
    breaks: 'streams, consumers, leases and the record of the cluster are gone',
    recovers: 'once it is undone',
    inject: async ({ cluster }) => {
      await cluster.nats.signal('SIGKILL');
      rmSync(cluster.natsStore(), { recursive: true });
      return () => cluster.nats.start();
    },
  },
  {
    ...lost,
    name: 'NATS store wiped and leader killed -9 at once, ack=majority',
    breaks: 'only what a majority has is left',
    isShort: true,
    recovers: 'once it is undone',
    takes: ['leader', 'stream'],
    traffic: { acks: { majority: 1 } },
    inject: async ({ cluster, leader, shard }) => {
      await Promise.all([cluster.nats.signal('SIGKILL'), leader.signal('SIGKILL')]);
      rmSync(cluster.natsStore(), { recursive: true });
      cluster.nats.start();
      await cluster.until('another leader', async () => {
        const others = cluster.nodes.filter((node) => node !== leader);
        const replicas = await Promise.all(others.map(({ name }) => cluster.replica(name, shard)));
        return replicas.some(({ role }) => role === 'leading');
      });
      return () => leader.start();
    },
  },
];
