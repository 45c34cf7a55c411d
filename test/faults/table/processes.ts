/** Processes killed, paused and restarted. */
import type { Part } from '../../harness/process.ts';
import { bounds, type Fault, type Scene, type Undo } from '../runner/fault.ts';
import { provisionalOnly } from './without-nats.ts';

const ours = {
  family: 'processes' as const,
  recoveryMsMax: bounds.recoveryMs,
  convergenceMsMax: bounds.convergenceMs,
};
const masked = { ...ours, recovers: 'while it lasts' as const };
/** Nobody can write while it is away. */
const felt = { ...ours, recovers: 'once it is undone' as const };
const nats = { ...felt, convergenceMsMax: bounds.convergenceAfterNatsMs };

/** Longer than a lease lives, with the wait of the least preferred candidate. */
const longMs = 6_000;
const restarts = 3;

type Victim = (scene: Scene) => Part;
const follower: Victim = (scene) => scene.follower;
const leader: Victim = (scene) => scene.leader;
const gateway: Victim = ({ cluster }) => cluster.gateway;
const natsServer: Victim = ({ cluster }) => cluster.nats;

const kill =
  (victim: Victim) =>
  async (scene: Scene): Promise<Undo> => {
    const process = victim(scene);
    await process.signal('SIGKILL');
    return () => process.start();
  };

const pause =
  (victim: Victim) =>
  async (scene: Scene): Promise<Undo> => {
    const process = victim(scene);
    await process.signal('SIGSTOP');
    return () => process.signal('SIGCONT');
  };

/** Killed again as soon as it is at work, or almost. */
const restart =
  (victim: Victim, isUp: (scene: Scene, process: Part) => Promise<boolean>) =>
  async (scene: Scene): Promise<Undo> => {
    const process = victim(scene);
    for (let round = 1; round < restarts; round += 1) {
      await process.signal('SIGKILL');
      process.start();
      await scene.cluster.until(`${process.name} to be up`, () => isUp(scene, process));
    }
    await process.signal('SIGKILL');
    return () => process.start();
  };

const answers = async ({ cluster }: Scene, { name }: Part): Promise<boolean> =>
  (await cluster.status(name)).natsConnected;
const gatewayAnswers = async ({ cluster }: Scene): Promise<boolean> =>
  (await fetch(`${cluster.gatewayUrl}/livez`)).ok;
const natsTakesConnections = async ({ cluster }: Scene): Promise<boolean> => {
  const statuses = await Promise.all(cluster.nodes.map(({ name }) => cluster.status(name)));
  return statuses.every(({ natsConnected }) => natsConnected);
};

const long = (scene: Scene): Promise<void> => scene.lasts(longMs);
/** Another node leads, and takes writes. */
const replacedLeader = async (scene: Scene): Promise<void> => {
  const { cluster, leader, shard, traffic } = scene;
  await cluster.until('another leader', async () => {
    const others = cluster.nodes.filter((node) => node !== leader && node.isRunning);
    const replicas = await Promise.all(others.map(({ name }) => cluster.replica(name, shard)));
    return replicas.some(({ role }) => role === 'leading');
  });
  await traffic.more(10);
};
const whileWritesFlow = ({ traffic }: Scene): Promise<void> => traffic.more(100);

export const processFaults: Fault[] = [
  {
    ...masked,
    name: 'follower killed -9',
    breaks: 'a replica is away while writes go on, and catches up',
    inject: kill(follower),
    hold: whileWritesFlow,
  },
  {
    ...masked,
    name: 'leader killed -9, stays away',
    breaks: 'failover by lease and fence; the old leader follows',
    isShort: true,
    inject: kill(leader),
    hold: replacedLeader,
  },
  {
    ...masked,
    name: 'leader killed -9, back at once',
    breaks: 'a leader that finds its own lease and its own unconfirmed log',
    inject: kill(leader),
  },
  {
    ...felt,
    name: 'gateway killed -9',
    breaks: 'requests without an answer',
    inject: kill(gateway),
    hold: (scene) => scene.lasts(500),
  },
  {
    ...nats,
    name: 'nats-server killed -9',
    breaks: 'publishes without an answer; leases that nobody can renew',
    inject: kill(natsServer),
    hold: (scene) => scene.lasts(1_000),
  },
  {
    ...nats,
    name: 'nats-server killed -9, away for longer than a lease',
    breaks: 'leases lapse; ack=stream says 503 or 504, ack=leader goes on within the outbox bound',
    inject: kill(natsServer),
    hold: provisionalOnly,
  },
  {
    ...nats,
    name: 'nats-server killed -9, away for two minutes',
    breaks: 'what ack=leader took meanwhile waits in the outbox, and is published after it',
    inject: kill(natsServer),
    hold: (scene) => provisionalOnly(scene, 120_000),
  },
  {
    ...masked,
    name: 'follower paused',
    breaks: 'a replica that wakes up with old news',
    inject: pause(follower),
    hold: long,
  },
  {
    ...masked,
    name: 'leader paused longer than its lease',
    breaks: 'a deposed leader that wakes up and believes to lead',
    isShort: true,
    inject: pause(leader),
    hold: long,
  },
  {
    ...felt,
    name: 'gateway paused',
    breaks: 'routes that are old when it wakes up',
    inject: pause(gateway),
    hold: long,
  },
  {
    ...nats,
    name: 'nats-server paused longer than a lease',
    breaks: 'half-open connections to NATS; leases lapse',
    inject: pause(natsServer),
    hold: long,
  },
  {
    ...masked,
    name: 'follower restarted in a loop',
    breaks: 'cursors and consumers that are placed again and again',
    inject: restart(follower, answers),
  },
  {
    ...masked,
    name: 'leader restarted in a loop',
    breaks: 'elections in a row',
    // Each of the restarts may cost a failover.
    recoveryMsMax: restarts * bounds.recoveryMs,
    inject: restart(leader, answers),
  },
  {
    ...felt,
    name: 'gateway restarted in a loop',
    breaks: 'routes learned anew',
    inject: restart(gateway, gatewayAnswers),
  },
  {
    ...nats,
    name: 'nats-server restarted in a loop',
    breaks: 'consumers, leases and publishes that begin anew',
    inject: restart(natsServer, natsTakesConnections),
  },
];
