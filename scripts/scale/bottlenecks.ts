/** Where today's design ends at the largest shape: the number that says so, and what would be built. */
import { markdownTable } from 'markdown-table';
import type { Change } from './changes.ts';
import { bytes, oneLine, whole } from './numbers.ts';
import { balanceOf, zoneLoss } from './placement.ts';
import { largest, namesOf, placementOf } from './shape.ts';
import { antiEntropyDefaults, delivered, nodeDefaults, type Traffic } from './traffic.ts';

/** Longest head of a request that Node takes unless told otherwise (`http.maxHeaderSize`), bytes. */
const headerBytesMax = 16_384;
const maintainers = '[about 2,000](https://github.com/nats-io/nats-server/issues/8350)';

interface Bottleneck {
  what: string;
  number: string;
  why: string;
  /** None of it is built. */
  plan: string;
}

export function bottleneckTable(traffic: Traffic, changes: readonly Change[]): string {
  const rows = [
    ...newsRows(traffic),
    ...jetStreamRows(traffic),
    ...edgeRows(traffic),
    ...placementRows(changes),
  ];
  return markdownTable([
    ['No.', 'What', 'At this size', 'Why that is too much', 'What would be built (nothing of it is)'],
    ...rows.map(({ what, number, why, plan }, i) => [String(i + 1), what, number, why, plan]),
  ]);
}

function newsRows(traffic: Traffic): Bottleneck[] {
  const { shape, news, gateway } = traffic;
  const { heads, applied, statuses, leases } = news;
  const needed = heads.sent * heads.useful + applied.sent * applied.useful;
  return [
    {
      what: 'A gateway works out all routes anew at every piece of news',
      number: `${whole(gateway.looksPerNews * gateway.newsPerSecond)} replicas looked at a second`,
      why: 'No core does that: the gateway falls behind its own news. It is what ends first',
      plan: 'Replicas indexed by shard; only the shards that the news is about are routed anew',
    },
    {
      what: 'Heads and applied positions of all shards go to all nodes',
      number: oneLine`${whole(delivered(heads) + delivered(applied))} deliveries a second with no write at
        all, ${whole(heads.sent + applied.sent)} to each node`,
      why: 'S × N: NATS and every node spend their cores on news that is thrown away',
      plan: oneLine`A subscription a shard that the node holds: ${whole(needed)} deliveries; heads only when
        the log has grown, and a sign of life`,
    },
    {
      what: 'Each node tells everybody everything',
      number: `${bytes(delivered(statuses) * statuses.bytes)} a second out of NATS`,
      why: 'N × (N + gateways), each with all replicas and the whole list of members',
      plan: 'What changed, under a version; the whole on demand. The list of members by its hash',
    },
    {
      what: 'A lease a shard is renewed by itself, and told to all',
      number: oneLine`${whole(leases.sent)} writes into one stream and ${whole(delivered(leases))} deliveries
        a second`,
      why: 'One stream has one leader and one log',
      plan: oneLine`A lease a node that its leaderships rest on:
        ${whole((shape.nodes * 1000) / nodeDefaults.leaseRenewMs)} writes a second`,
    },
  ];
}

function jetStreamRows({ jetStream, node, shape }: Traffic): Bottleneck[] {
  return [
    {
      what: 'A stream a shard, a consumer a copy',
      number: oneLine`${whole(jetStream.streams)} streams and ${whole(jetStream.durables)} consumers;
        ${whole(jetStream.raftGroups)} Raft groups with three copies`,
      why: `NATS recommends ${maintainers} Raft groups, on large servers`,
      plan: oneLine`A stream for some tens of shards, fenced by subject, a consumer a node and stream; or
        several NATS clusters, each for a part of the shards`,
    },
    {
      what: 'JetStream counts the size that streams may reach',
      number: `${bytes(jetStream.reservedBytes)} for each of \`streamReplicas\``,
      why: 'Where servers have less, the last streams cannot be made',
      plan: 'Nothing: lower `streamBytesMax` before the first start. Followers that miss events read logs',
    },
    {
      what: 'A node reads each lease by itself when it starts',
      number: oneLine`${whole(node.leasesReadAtStart)} requests one after the other,
        ${whole(shape.nodes * node.leasesReadAtStart)} when all start`,
      why: 'A start of everything is a storm on one stream',
      plan: 'The first values from the watch, and only of shards that the node holds',
    },
  ];
}

function edgeRows({ gateway, antiEntropy, shape }: Traffic): Bottleneck[] {
  const { roundsMax } = antiEntropyDefaults;
  return [
    {
      what: 'A gateway with one watcher follows all shards',
      number: `up to ${bytes(gateway.watchBufferBytes)} of memory, ${whole(shape.shards)} requests that wait`,
      why: '`watchBufferBytesMax` is a bound a shard, not a sum',
      plan: 'One bound for all rings; watches spread over gateways by shard',
    },
    {
      what: 'Each event of a watch carries the position of all shards',
      number: oneLine`${whole(gateway.watchTokenChars)} characters an event; a request has
        ${whole(headerBytesMax)} bytes for all its headers`,
      why: 'The token outweighs the event, and resuming by a header nears the limit of HTTP servers',
      plan: 'What changed since the last `id`, and a whole token now and then; tokens in the body of a POST',
    },
    {
      what: 'A session that has seen all shards (one listing is enough)',
      number: oneLine`${whole(gateway.sessionTokenChars)} characters with each request and answer; two in one
        request are too many for its headers`,
      why: 'More than most values',
      plan: 'What every replica has long since applied binds nobody, and is left out',
    },
    {
      what: 'A listing asks every shard',
      number: `${whole(shape.shards)} requests a page`,
      why: 'Keys are spread by hash, so any prefix is everywhere',
      plan: 'One request a node instead of a shard; an order-keeping placement is not planned',
    },
    {
      what: `Anti-entropy: \`roundsMax\` ${roundsMax} a process`,
      number: oneLine`a round must end within ${whole(Math.round(antiEntropy.roundMsMax))} ms, or rounds come
        later than \`roundEveryMs\``,
      why: 'Each round waits for several nodes, one after the other',
      plan: oneLine`Today: raise \`roundsMax\`; more processes do the same rounds once more. To be built:
        shards shared out between processes; rarer rounds where statuses show equal roots`,
    },
  ];
}

function placementRows(changes: readonly Change[]): Bottleneck[] {
  const [join] = changes as [Change];
  const names = namesOf(largest.nodes);
  const placement = placementOf(largest);
  const { copies } = balanceOf(placement, names);
  const zone = zoneLoss(placement, names, 3);
  return [
    {
      what: 'Copies are as even as a hash makes them',
      number: oneLine`${whole(copies.least)} to ${whole(copies.most)} on a node, where ${whole(copies.mean)}
        is the share`,
      why: 'Every node must be as large as the fullest',
      plan: 'A bound on copies a node: the next in the order of the hash takes what is over',
    },
    {
      what: 'Preferred leaders are counted from shard 0 on',
      number: oneLine`${whole(join.moves.leaders)} change when one node joins,
        ${whole(join.moves.leadersByCounting)} of them for no copy that moved`,
      why: 'Each is a hand-over, with a short pause of its shard',
      plan: 'Who leads keeps it while its node leads no more than its share',
    },
    {
      what: 'Placement knows no zones',
      number: oneLine`${whole(zone.majority)} shards without a majority and ${whole(zone.all)} without a copy
        when one of three zones is gone`,
      why: 'Three copies promise more',
      plan: 'A zone in the list of members; the best of each zone first',
    },
  ];
}
