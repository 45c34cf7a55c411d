/**
 * What processes tell each other while nobody writes, and what JetStream, gateways and anti-entropy keep and
 * do for a cluster of a shape. Periods and bounds are the defaults of the processes' own configuration;
 * each count says by which code it is so.
 */
import { antiEntropyConfigSchema } from '@driftless/anti-entropy/job';
import { foundingMembers } from '@driftless/contracts';
import { gatewayConfigSchema } from '@driftless/gateway';
import { nodeConfigSchema } from '@driftless/store-node';
import { headEveryMs, idleHeartbeatMs, pullExpiresMs } from '@driftless/store-node/simulation';
import { gatewayLooks, nodeLooks, sessionTokenChars, watchTokenChars } from './lookups.ts';
import {
  appliedBytes,
  equalPairBytes,
  headBytes,
  leaseBytes,
  sizeOf,
  statusOf,
  verifiedBytes,
} from './messages.ts';
import { namesOf, type Placement, placementOf, type Shape } from './shape.ts';

export const nodeDefaults = nodeConfigSchema.parse({ nodeId: 'node-1', members: ['node-1'] });
export const gatewayDefaults = gatewayConfigSchema.parse({});
export const antiEntropyDefaults = antiEntropyConfigSchema.parse({});

/** A kind of news. */
export interface News {
  what: string;
  /** Sent in the whole cluster, a second. */
  sent: number;
  /** Processes that hear each of them. */
  nodes: number;
  others: number;
  /** Nodes of those that have a use for it. */
  useful: number;
  bytes: number;
}

export interface Traffic {
  shape: Shape;
  news: { heads: News; applied: News; statuses: News; leases: News };
  jetStream: {
    streams: number;
    buckets: number;
    durables: number;
    pulled: number;
    watches: number;
    /** With streams of three copies, each stream and each durable consumer is a Raft group of its own. */
    raftGroups: number;
    pullsPerSecond: number;
    heartbeatsPerSecond: number;
    reservedBytes: number;
  };
  gateway: {
    statusBytes: number;
    newsPerSecond: number;
    looksPerNews: number;
    watchBufferBytes: number;
    pollsPerSecond: number;
    sessionTokenChars: number;
    watchTokenChars: number;
  };
  node: { looksPerTurn: number; leasesReadAtStart: number };
  antiEntropy: {
    /** Of all processes: each gives every shard its rounds, for none knows what the others did. */
    roundsPerSecond: number;
    pairsPerRound: number;
    pairBytes: number;
    verifiedBytes: number;
    /** Longer than this rounds must not take, for all shards to have theirs in time. */
    roundMsMax: number;
    leaseRequestsPerSecond: number;
  };
}

/** Requests to JetStream for the lease of one round: looked at, taken, given back (job/round-leases.ts). */
const leaseRequestsPerRound = 3;
/** Leases of shards, leases of rounds, and what was fixed when the cluster was made. */
const buckets = 3;
/** A gateway watches the leases and the cluster's record. */
const gatewayWatches = 2;

export function trafficOf(shape: Shape): Traffic {
  const names = namesOf(shape.nodes);
  const members = foundingMembers(names);
  const placement = placementOf(shape);
  const statuses = names.map((node) => statusOf(node, placement, members));
  const statusBytes = statuses.reduce((sum, status) => sum + sizeOf(status), 0);
  const news = newsOf(shape, placement, names, statusBytes / shape.nodes);
  const perSecond = Object.values(news);
  return {
    shape,
    news,
    jetStream: jetStreamOf(shape),
    gateway: {
      statusBytes,
      newsPerSecond: perSecond.filter(({ others }) => others > 0).reduce((sum, { sent }) => sum + sent, 0),
      looksPerNews: gatewayLooks(shape, statuses),
      watchBufferBytes: shape.shards * gatewayDefaults.watchBufferBytesMax,
      pollsPerSecond: (shape.shards * 1000) / gatewayDefaults.watchPollMs,
      sessionTokenChars: sessionTokenChars(shape.shards),
      watchTokenChars: watchTokenChars(shape.shards),
    },
    node: { looksPerTurn: nodeLooks(shape, statuses), leasesReadAtStart: shape.shards },
    antiEntropy: antiEntropyOf(shape, placement),
  };
}

function newsOf(
  shape: Shape,
  placement: Placement,
  names: readonly string[],
  status: number,
): Traffic['news'] {
  const { nodes, shards, factor, gateways, antiEntropy } = shape;
  const copies = Math.min(factor, nodes);
  const { statusEveryMs, leaseRenewMs, leaseTtlMs } = nodeDefaults;
  const longest = names.at(-1) as string;
  const everywhere = { nodes, others: 0 };
  return {
    heads: {
      what: 'Where a log ends, by its leader',
      sent: (shards * 1000) / headEveryMs,
      ...everywhere,
      useful: copies - 1,
      bytes: headBytes(longest),
    },
    applied: {
      what: 'What a follower has on disk',
      sent: (shards * (copies - 1) * 1000) / statusEveryMs,
      ...everywhere,
      useful: copies,
      bytes: appliedBytes(longest),
    },
    statuses: {
      what: 'The status of a node',
      sent: (nodes * 1000) / statusEveryMs,
      nodes,
      others: gateways + antiEntropy,
      useful: neighboursOf(placement, names),
      bytes: status,
    },
    leases: {
      what: 'A lease that was renewed',
      sent: (shards * 1000) / leaseRenewMs,
      nodes,
      others: gateways,
      useful: copies,
      bytes: leaseBytes(longest, leaseTtlMs),
    },
  };
}

/** Nodes that hold a shard which a node holds as well, without itself: the mean over nodes. */
function neighboursOf(placement: Placement, names: readonly string[]): number {
  const neighbours = new Map(names.map((node) => [node, new Set<string>()]));
  for (const set of placement) {
    for (const node of set) for (const other of set) if (other !== node) neighbours.get(node)?.add(other);
  }
  return [...neighbours.values()].reduce((sum, { size }) => sum + size, 0) / names.length;
}

/** A replica makes its durable consumer when it first follows, and keeps it while it leads. */
function jetStreamOf({ nodes, shards, factor, gateways }: Shape): Traffic['jetStream'] {
  const copies = Math.min(factor, nodes);
  const durables = shards * copies;
  const pulled = shards * (copies - 1);
  return {
    streams: shards,
    buckets,
    durables,
    pulled,
    watches: nodes + gatewayWatches * gateways,
    raftGroups: shards + buckets + durables + 1,
    pullsPerSecond: (pulled * 1000) / pullExpiresMs,
    heartbeatsPerSecond: (pulled * 1000) / idleHeartbeatMs,
    reservedBytes: shards * nodeDefaults.streamBytesMax,
  };
}

function antiEntropyOf(
  { shards, antiEntropy: processes }: Shape,
  placement: Placement,
): Traffic['antiEntropy'] {
  const { roundEveryMs, roundsMax } = antiEntropyDefaults;
  const set = placement.at(-1) as readonly string[];
  const ofOne = (shards * 1000) / roundEveryMs;
  const roundsPerSecond = ofOne * processes;
  return {
    roundsPerSecond,
    pairsPerRound: set.length - 1,
    pairBytes: equalPairBytes(set),
    verifiedBytes: verifiedBytes(set),
    roundMsMax: (1000 * roundsMax) / ofOne,
    leaseRequestsPerSecond: roundsPerSecond * leaseRequestsPerRound,
  };
}

/** Deliveries by NATS a second. */
export function delivered({ sent, nodes, others }: News): number {
  return sent * (nodes + others);
}

export interface Heard {
  messages: number;
  bytes: number;
}

/** What one node hears a second. */
export function heardByNode({ news }: Traffic): Heard {
  return sumOf(Object.values(news));
}

/** What one gateway hears a second. */
export function heardByGateway({ news }: Traffic): Heard {
  return sumOf(Object.values(news).filter(({ others }) => others > 0));
}

function sumOf(news: readonly News[]): Heard {
  return {
    messages: news.reduce((sum, { sent }) => sum + sent, 0),
    bytes: news.reduce((sum, { sent, bytes }) => sum + sent * bytes, 0),
  };
}
