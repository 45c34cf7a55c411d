/** Tables on what goes round, and on what JetStream, gateways and anti-entropy have to do with it. */
import { markdownTable } from 'markdown-table';
import { bytes, decimal, percent, whole } from './numbers.ts';
import { nameOf } from './shape.ts';
import {
  antiEntropyDefaults,
  delivered,
  gatewayDefaults,
  type Heard,
  heardByGateway,
  heardByNode,
  type News,
  nodeDefaults,
  type Traffic,
} from './traffic.ts';

/** The news of one cluster, kind by kind. */
export function newsTable({ news }: Traffic): string {
  return markdownTable([
    [
      'What',
      'Sent a second',
      'Heard by',
      'Nodes with a use for it',
      'Delivered a second',
      'Bytes each',
      'Bytes delivered a second',
    ],
    ...Object.values(news).map((kind: News) => [
      kind.what,
      whole(kind.sent),
      kind.others > 0
        ? `${whole(kind.nodes)} nodes, ${whole(kind.others)} others`
        : `${whole(kind.nodes)} nodes`,
      whole(kind.useful),
      whole(delivered(kind)),
      whole(Math.round(kind.bytes)),
      bytes(delivered(kind) * kind.bytes),
    ]),
  ]);
}

export function fanInTable(all: readonly Traffic[]): string {
  const cells = ({ messages, bytes: size }: Heard): string => `${whole(messages)}; ${bytes(size)}`;
  return markdownTable([
    ['', ...all.map(({ shape }) => nameOf(shape))],
    [
      'Gateways, anti-entropy processes',
      ...all.map(({ shape }) => `${shape.gateways}, ${shape.antiEntropy}`),
    ],
    ['Size of one status', ...all.map(({ news }) => bytes(news.statuses.bytes))],
    ['A node hears a second: messages; bytes', ...all.map((traffic) => cells(heardByNode(traffic)))],
    ['A gateway hears a second', ...all.map((traffic) => cells(heardByGateway(traffic)))],
    ['NATS delivers a second', ...all.map(({ news }) => cells(deliveredOf(Object.values(news))))],
    ['Share of these messages that is of use', ...all.map(usefulShare)],
  ]);
}

export function deliveredOf(news: readonly News[]): Heard {
  return {
    messages: news.reduce((sum, kind) => sum + delivered(kind), 0),
    bytes: news.reduce((sum, kind) => sum + delivered(kind) * kind.bytes, 0),
  };
}

function usefulShare({ news }: Traffic): string {
  const kinds = Object.values(news);
  const useful = kinds.reduce((sum, { sent, useful: nodes, others }) => sum + sent * (nodes + others), 0);
  return percent(useful / deliveredOf(kinds).messages);
}

export function jetStreamTable(all: readonly Traffic[]): string {
  const row = (what: string, cell: (traffic: Traffic) => string): string[] => [what, ...all.map(cell)];
  const { streamReplicas } = nodeDefaults;
  return markdownTable([
    row('', ({ shape }) => nameOf(shape)),
    row('Streams: one a shard', ({ jetStream }) => whole(jetStream.streams)),
    row('Buckets: leases of shards, leases of rounds, what is fixed', ({ jetStream }) =>
      whole(jetStream.buckets),
    ),
    row('Durable consumers: one a copy', ({ jetStream }) => whole(jetStream.durables)),
    row('Of these pulled: one a follower', ({ jetStream }) => whole(jetStream.pulled)),
    row('Watches of buckets: one a node, two a gateway', ({ jetStream }) => whole(jetStream.watches)),
    row('Raft groups, where `streamReplicas` is 3', ({ jetStream }) => whole(jetStream.raftGroups)),
    row('Pulls begun anew a second, at rest', ({ jetStream }) => whole(jetStream.pullsPerSecond)),
    row('Heartbeats of pulls a second, at rest', ({ jetStream }) => whole(jetStream.heartbeatsPerSecond)),
    row('Leases written a second', ({ news }) => whole(news.leases.sent)),
    row(`Storage that streams may fill, \`streamReplicas\` ${streamReplicas}`, ({ jetStream }) =>
      bytes(jetStream.reservedBytes),
    ),
    row('Leases read one by one by all nodes, when all start', ({ shape, node }) =>
      whole(shape.nodes * node.leasesReadAtStart),
    ),
  ]);
}

export function processTable(all: readonly Traffic[]): string {
  const row = (what: string, cell: (traffic: Traffic) => string): string[] => [what, ...all.map(cell)];
  const { watchBufferBytesMax } = gatewayDefaults;
  const ring = bytes(watchBufferBytesMax);
  return markdownTable([
    row('', ({ shape }) => nameOf(shape)),
    row('Gateway: statuses kept, as JSON', ({ gateway }) => bytes(gateway.statusBytes)),
    row('Gateway: replicas looked at for one piece of news', ({ gateway }) => whole(gateway.looksPerNews)),
    row('Gateway: the same, a second', ({ gateway }) => whole(gateway.looksPerNews * gateway.newsPerSecond)),
    row('Node: replicas looked at in a turn of moves', ({ node }) => whole(node.looksPerTurn)),
    row(`Gateway with a watcher: recent changes kept, at most (${ring} a shard)`, ({ gateway }) =>
      bytes(gateway.watchBufferBytes),
    ),
    row('Gateway with a watcher: requests to nodes a second, at rest', ({ gateway }) =>
      whole(gateway.pollsPerSecond),
    ),
    row('`id` of each event of a watch, characters', ({ gateway }) => whole(gateway.watchTokenChars)),
    row('Session that has seen all shards, characters', ({ gateway }) => whole(gateway.sessionTokenChars)),
    row('A page of a listing: requests to nodes, at least', ({ shape }) => whole(shape.shards)),
  ]);
}

export function antiEntropyTable(all: readonly Traffic[]): string {
  const row = (what: string, cell: (traffic: Traffic) => string): string[] => [what, ...all.map(cell)];
  const { roundsMax, roundEveryMs } = antiEntropyDefaults;
  return markdownTable([
    row('', ({ shape }) => nameOf(shape)),
    row('Processes', ({ shape }) => whole(shape.antiEntropy)),
    row(`Rounds a second, one a shard and process in ${whole(roundEveryMs / 1000)} s`, ({ antiEntropy }) =>
      decimal(antiEntropy.roundsPerSecond),
    ),
    row('Pairs compared a round', ({ antiEntropy }) => whole(antiEntropy.pairsPerRound)),
    row('Bytes a round when all are equal', ({ antiEntropy }) =>
      whole(antiEntropy.pairsPerRound * antiEntropy.pairBytes + antiEntropy.verifiedBytes),
    ),
    row('Requests to JetStream for round leases a second', ({ antiEntropy }) =>
      decimal(antiEntropy.leaseRequestsPerSecond),
    ),
    row(`Longest that a round may take (\`roundsMax\` ${roundsMax} a process)`, ({ antiEntropy }) => {
      const ms = Math.round(antiEntropy.roundMsMax);
      return ms < 1000 ? `${ms} ms` : `${decimal(ms / 1000)} s`;
    }),
  ]);
}
