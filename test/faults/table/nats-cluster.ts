/**
 * A NATS cluster of three servers, with three copies of each stream: as processes, and in containers where
 * there is an engine.
 */
import { streamName } from '@driftless/contracts';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { ClusterOptions, TestCluster } from '../../harness/cluster.ts';
import { containersObstacle, NatsContainer } from '../../harness/containers.ts';
import { groupOf } from '../../harness/nats.ts';
import { cutRoutes, packetsObstacle } from '../../harness/packets.ts';
import type { Part } from '../../harness/process.ts';
import { bounds, type Fault, type Scene, type Undo } from '../runner/fault.ts';
import { provisionalOnly } from './without-nats.ts';

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

async function asked<T>(cluster: TestCluster, ask: (jsm: JetStreamManager) => Promise<T>): Promise<T> {
  const connection = await connect({ servers: cluster.natsUrl.split(',') });
  try {
    return await ask(await jetstreamManager(connection));
  } finally {
    await connection.close();
  }
}

/** The server that leads the stream of the scene's shard, as JetStream itself says. */
async function streamLeader(cluster: TestCluster, shard: number): Promise<Part> {
  const { cluster: placement } = await asked(cluster, (jsm) =>
    jsm.streams.info(streamName('driftless', shard)),
  );
  const found = cluster.natsServers.find(({ name }) => name === placement?.leader);
  if (!found) throw new Error(`The stream of shard ${shard} has no leader.`);
  return found;
}

/** Every stream has its leader, and two copies that are there and current. */
function isWhole(cluster: TestCluster): Promise<boolean> {
  return asked(cluster, async (jsm) => {
    for await (const { cluster: placement } of jsm.streams.list()) {
      const copies = placement?.replicas?.filter(({ current, offline }) => current && !offline) ?? [];
      if (!placement?.leader || copies.length < 2) return false;
    }
    return true;
  });
}

/**
 * A server that came back from the fault before may still be fetching what it missed: to hit another one then
 * would be to hit two.
 */
const onceWhole = (fault: Fault): Fault => ({
  ...fault,
  inject: async (scene) => {
    const { cluster } = scene;
    await cluster.until('all streams to have their copies', () => isWhole(cluster));
    return fault.inject(scene);
  },
});

const without = (ports: readonly number[], port: number): number[] => ports.filter((one) => one !== port);

const kill = async (servers: readonly Part[]): Promise<Undo> => {
  await Promise.all(servers.map((server) => server.signal('SIGKILL')));
  return () => {
    for (const server of servers) server.start();
  };
};

const faults: Fault[] = [
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
    ...masked,
    name: "the stream's leader among three nats-servers cut off from the others",
    breaks: 'a stream leader that clients still reach, and that has no quorum',
    obstacle: packetsObstacle,
    inject: async ({ cluster, shard }) => {
      const { name } = await streamLeader(cluster, shard);
      const port = cluster.routePort(name);
      const others = cluster.natsServers.map((server) => cluster.routePort(server.name));
      return cutRoutes(port, Number(groupOf(port)), without(others, port));
    },
    hold: long,
  },
  {
    ...felt,
    name: 'two of three nats-servers killed -9',
    breaks: 'no quorum: ack=stream says 503 or 504, ack=leader goes on',
    inject: async ({ cluster, random }) => {
      const spared = random.pick(cluster.natsServers);
      return kill(cluster.natsServers.filter((server) => server !== spared));
    },
    hold: provisionalOnly,
  },
  {
    ...felt,
    name: 'all three nats-servers killed -9',
    breaks: 'the whole NATS cluster begins anew; ack=leader goes on meanwhile',
    inject: ({ cluster }) => kill(cluster.natsServers),
    hold: provisionalOnly,
  },
];

const asProcesses = faults.map(onceWhole);

/** Groups are those of processes. */
const inContainers = asProcesses
  .filter(({ obstacle }) => !obstacle)
  .map((fault): Fault => {
    const { name, cluster } = fault;
    const natsPart: ClusterOptions['natsPart'] = (plan, directory) => new NatsContainer(plan, directory);
    return {
      ...fault,
      name: `${name}, in containers`,
      cluster: { ...cluster, natsPart },
      obstacle: containersObstacle,
    };
  });

export const natsClusterFaults: Fault[] = [...asProcesses, ...inContainers];
