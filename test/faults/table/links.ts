/** Bad links: between NATS and nodes, NATS and the gateway, and everybody and a node. */
import type { Link } from '../../harness/link.ts';
import { dropPackets, packetsObstacle } from '../../harness/packets.ts';
import { bounds, type Fault, type Scene, type Undo } from '../runner/fault.ts';

const ours = {
  family: 'links' as const,
  cluster: { links: true },
  recoveryMsMax: bounds.recoveryMs,
  convergenceMsMax: bounds.convergenceMs,
};
const masked = { ...ours, recovers: 'while it lasts' as const };
const felt = { ...ours, recovers: 'once it is undone' as const };
const withoutNats = { ...felt, convergenceMsMax: bounds.convergenceAfterNatsMs };

const longMs = 6_000;
/** Leaderships go back to the preferred node after 10 s. */
const pastHandBackMs = 30_000;
const long = (scene: Scene): Promise<void> => scene.lasts(longMs);

type Which = (scene: Scene) => Link[];
const leaderToNats: Which = ({ cluster, leader }) => [cluster.link(leader.name, 'nats')];
const followerToNats: Which = ({ cluster, follower }) => [cluster.link(follower.name, 'nats')];
const nodesToNats: Which = ({ cluster }) => cluster.nodes.map(({ name }) => cluster.link(name, 'nats'));
const gatewayToNats: Which = ({ cluster }) => [cluster.link('gateway-1', 'nats')];
const toLeader: Which = ({ cluster, leader }) => [cluster.link('all', leader.name)];
const toFollower: Which = ({ cluster, follower }) => [cluster.link('all', follower.name)];

const bad =
  (which: Which, make: (link: Link) => void, { reset = false } = {}) =>
  (scene: Scene): Undo => {
    const links = which(scene);
    for (const link of links) make(link);
    return () => {
      for (const link of links) link.heal({ reset });
    };
  };
const packetsDropped =
  (which: Which) =>
  (scene: Scene): Undo => {
    const undo = which(scene).map(({ port }) => dropPackets(port));
    return () => {
      for (const one of undo) one();
    };
  };
const cut = (link: Link): void => link.cut();
const silent = (link: Link): void => link.hold('both');
const slow = (link: Link): void => link.slow(200, 256 * 1024);

export const linkFaults: Fault[] = [
  {
    ...masked,
    name: 'leader cut off from NATS',
    breaks: 'a leader that cannot publish, while another one is elected',
    inject: bad(leaderToNats, cut),
    hold: long,
  },
  {
    ...masked,
    name: 'leader and NATS: half-open, nothing arrives',
    breaks: 'a leader that does not know that it is cut off',
    isShort: true,
    inject: bad(leaderToNats, silent),
    hold: long,
  },
  {
    ...masked,
    name: 'follower cut off from NATS',
    breaks: 'a replica without events, which is behind and says so',
    inject: bad(followerToNats, cut),
    hold: long,
  },
  {
    ...withoutNats,
    name: 'all nodes cut off from NATS',
    breaks: 'nobody can be elected; ack=leader goes on within the outbox bound',
    inject: bad(nodesToNats, cut),
    hold: long,
  },
  {
    ...withoutNats,
    name: 'publish answers lost: NATS to nodes held, then reset',
    breaks: 'what was published without an answer is found on the stream, once',
    inject: bad(nodesToNats, (link) => link.hold('to-client'), { reset: true }),
    hold: (scene) => scene.lasts(1_500),
  },
  {
    ...masked,
    name: 'leader and NATS: slow link',
    breaks: 'publishes and renewals that are late',
    inject: bad(leaderToNats, slow),
    hold: long,
  },
  {
    ...masked,
    name: 'leader seconds away from NATS',
    breaks: 'a node whose calls are done and whose answers come too late; leadership goes back to none such',
    inject: bad(leaderToNats, (link) => link.slow(1_500)),
    hold: (scene) => scene.lasts(pastHandBackMs),
  },
  {
    ...masked,
    name: 'gateway cut off from NATS',
    breaks: 'routes without news',
    inject: bad(gatewayToNats, cut),
    hold: long,
  },
  {
    ...felt,
    name: 'nobody reaches the leader by HTTP: refused',
    breaks: 'a leader that keeps its lease and serves nobody',
    inject: bad(toLeader, cut),
    hold: long,
  },
  {
    ...felt,
    name: 'nobody reaches the leader by HTTP: half-open',
    breaks: 'hops without an answer; circuits',
    inject: bad(toLeader, silent, { reset: true }),
    hold: long,
  },
  {
    ...masked,
    name: 'nobody reaches a follower by HTTP: half-open',
    breaks: 'reads go to other replicas',
    inject: bad(toFollower, silent, { reset: true }),
    hold: long,
  },
  {
    ...masked,
    name: 'slow link between everybody and the leader',
    breaks: 'batches grow; deadlines are met or told',
    inject: bad(toLeader, slow),
    hold: long,
  },
  {
    ...masked,
    name: 'leader and NATS: packets dropped',
    breaks: 'a partition that only silence tells of; afterwards TCP goes on where it was',
    obstacle: packetsObstacle,
    inject: packetsDropped(leaderToNats),
    hold: long,
  },
  {
    ...withoutNats,
    name: 'all nodes and NATS: packets dropped',
    breaks: 'nobody can be elected, and nobody is told why',
    obstacle: packetsObstacle,
    inject: packetsDropped(nodesToNats),
    hold: long,
  },
  {
    ...felt,
    name: 'nobody reaches the leader by HTTP: packets dropped',
    breaks: 'hops that time out; connections that come back with old requests',
    obstacle: packetsObstacle,
    inject: packetsDropped(toLeader),
    hold: long,
  },
];
