/** A NATS cluster of three servers, with three copies of each stream. */
import { streamName } from '@driftless/contracts';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { TestCluster } from '../../harness/cluster.ts';
import type { Part } from '../../harness/process.ts';
import { bounds, type Fault, type Scene, type Undo } from '../runner/fault.ts';

const three = {
  family: 'NATS cluster' as const,
  cluster: { natsServers: 3 },
  convergenceMsMax: bounds.convergenceAfterNatsMs,
  recoveryMsMax: bounds.convergenceAfterNatsMs,
};
const masked = { ...three, recovers: 'while it lasts' as const };
const felt = { ...three, recovers: 'once it is undone' as const };

const longMs = 8_000;
const long = (scene: Scene): Promise<void> => scene.lasts(longMs);

/** The server that leads the stream of the scene's shard, as JetStream itself says. */
async function streamLeader(cluster: TestCluster, shard: number): Promise<Part> {
  const connection = await connect({ servers: cluster.natsUrl.split(',') });
  try {
    const { cluster: placement } = await (await jetstreamManager(connection)).streams.info(
      streamName('driftless', shard),
    );
    const found = cluster.natsServers.find(({ name }) => name === placement?.leader);
    if (!found) throw new Error(`The stream of shard ${shard} has no leader.`);
    return found;
  } finally {
    await connection.close();
  }
}

const kill = async (servers: readonly Part[]): Promise<Undo> => {
  await Promise.all(servers.map((server) => server.signal('SIGKILL')));
  return () => {
    for (const server of servers) server.start();
  };
};

/** Without a quorum, ack=stream says 503 or 504, and ack=leader goes on. */
const refusedWithoutQuorum = async ({ cluster, lasts }: Scene): Promise<void> => {
  await lasts(longMs);
  const put = async (ack: string): Promise<number> => {
    const url = `${cluster.gatewayUrl}/v1/kv/without-quorum?ack=${ack}`;
    return (await fetch(url, { method: 'PUT', body: '1', headers: { 'content-type': 'text/plain' } })).status;
  };
  const [stream, leader] = await Promise.all([put('stream'), put('leader')]);
  if (stream !== 503 && stream !== 504) throw new Error(`ack=stream without a quorum was answered ${stream}`);
  if (leader !== 200 && leader !== 201) throw new Error(`ack=leader without a quorum was answered ${leader}`);
};

export const natsClusterFaults: Fault[] = [
  {
    ...masked,
    name: 'one of three nats-servers killed -9',
    isShort: true,
    breaks: 'streams and leases go on by their quorum',
    inject: async ({ cluster, random }) => kill([random.pick(cluster.natsServers)]),
    hold: ({ traffic }) => traffic.more(50),
  },
  {
    ...masked,
    name: "the stream's leader among three nats-servers killed -9",
    breaks: 'a stream that elects a leader; publishes without an answer',
    inject: async ({ cluster, shard }) => kill([await streamLeader(cluster, shard)]),
    hold: ({ traffic }) => traffic.more(50),
  },
  {
    ...masked,
    name: "the stream's leader among three nats-servers paused",
    breaks: 'a stream leader that wakes up and believes to lead',
    inject: async ({ cluster, shard }) => {
      const server = await streamLeader(cluster, shard);
      await server.signal('SIGSTOP');
      return () => server.signal('SIGCONT');
    },
    hold: long,
  },
  {
    ...felt,
    name: 'two of three nats-servers killed -9',
    breaks: 'no quorum: ack=stream says 503 or 504',
    inject: async ({ cluster, random }) => {
      const spared = random.pick(cluster.natsServers);
      return kill(cluster.natsServers.filter((server) => server !== spared));
    },
    hold: refusedWithoutQuorum,
  },
  {
    ...felt,
    name: 'all three nats-servers killed -9',
    breaks: 'the whole NATS cluster begins anew',
    inject: ({ cluster }) => kill(cluster.natsServers),
    hold: long,
  },
];
