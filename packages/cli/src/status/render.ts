/**
 * The state of a cluster on one screen: a row a replica, grouped by shard, the leader marked. Roots of a
 * shard that are equal at equal positions carry a `=`; a replica at another position is not compared with it,
 * because different roots at different positions mean nothing.
 */
import { type ClusterView, comparePositions, formatPosition, type ShardView } from '@driftless/contracts';
import { movesOf } from '../members/render.ts';
import { formatDuration, grouped, type Paint, printable, type Style, table } from '../output/terminal.ts';

type Replica = ShardView['replicas'][number];

const rootDigits = 12;
const unknown = '?';

const healthStyles: Record<Replica['health'], Style> = {
  healthy: 'green',
  restoring: 'yellow',
  drifted: 'red',
  halted: 'red',
};

/** `wall`: milliseconds since the Unix epoch. */
export function renderStatus(view: ClusterView, paint: Paint, wall: number): string[] {
  const head = [
    'SHARD',
    'REPLICA',
    'ROLE',
    'HEALTH',
    'EPOCH',
    'APPLIED',
    'LAG OPS',
    'LAG',
    'OUTBOX',
    'ROOT',
    '',
    'PROVEN EQUAL',
  ];
  const rows = view.shards.flatMap((shard) => shardRows(shard, paint, wall));
  const reasons = view.shards.flatMap(({ shard, replicas }) => {
    return replicas.flatMap(({ node, reason }) =>
      reason ? [`shard ${shard}, ${node}: ${printable(reason)}`] : [],
    );
  });
  return [
    clusterLine(view, paint),
    '',
    ...nodeLines(view, paint),
    ...movesOf(view),
    '',
    ...table([head.map((cell) => paint('dim', cell)), ...rows], [4, 5, 6, 7, 8]),
    ...(reasons.length > 0 ? ['', ...reasons] : []),
  ];
}

function clusterLine(
  { cluster, shardCount, replicationFactor, nodes, nats, gateway }: ClusterView,
  paint: Paint,
) {
  const server = nats.connected ? `NATS ${nats.version ?? unknown}` : paint('red', 'NATS out of reach');
  const size = `${nodes.length} nodes, ${shardCount} shards × ${replicationFactor} replicas`;
  return `${paint('bold', `cluster ${cluster}`)}  ${size}  ${server}  gateway ${gateway}`;
}

function nodeLines({ nodes, members }: ClusterView, paint: Paint): string[] {
  const stateOf = (node: string): string => members.find((member) => member.node === node)?.state ?? unknown;
  return table(
    nodes.map(({ node, url, alive, draining, natsConnected, natsVersion, circuit, statusAgeMs }) => [
      paint('bold', node),
      stateOf(node),
      alive ? paint('green', draining ? 'draining' : 'alive') : paint('red', 'silent'),
      url,
      natsConnected ? `NATS ${natsVersion ?? unknown}` : paint('red', 'without NATS'),
      circuit === 'closed' ? 'circuit closed' : paint('yellow', `circuit ${circuit}`),
      `heard of ${formatDuration(statusAgeMs)} ago`,
    ]),
  );
}

function shardRows(view: ShardView, paint: Paint, wall: number): string[][] {
  const { shard, leader, members, replicas } = view;
  const leaderless = leader === undefined ? paint('red', ' no leader') : '';
  // Copies on their way in or out stand behind the members.
  const others = replicas.map(({ node }) => node).filter((node) => !members.includes(node));
  return [...members, ...others].map((member, i) => {
    const first = i === 0 ? `${shard}${leaderless}` : '';
    const replica = replicas.find(({ node }) => node === member);
    if (!replica) return [first, member, paint('red', 'unknown')];
    return [first, ...replicaCells(view, replica, paint), provenCell(view, replica, wall)];
  });
}

function replicaCells(view: ShardView, replica: Replica, paint: Paint): string[] {
  const { node, alive, role, health, applied, lagOps, lagMs, outboxOps, root } = replica;
  const isLeader = node === view.leader;
  const stale = alive ? '' : paint('red', ' (silent)');
  return [
    (isLeader ? paint('bold', `${node} *`) : node) + stale,
    role,
    paint(healthStyles[health], health) + suspects(replica, paint),
    String(applied.epoch),
    formatPosition(applied),
    lagOps === undefined ? unknown : lagOps > 0 ? paint('yellow', grouped(lagOps)) : '0',
    lagMs === undefined ? unknown : lagMs > 0 ? paint('yellow', formatDuration(lagMs)) : '0 ms',
    outboxOps === undefined ? '' : grouped(outboxOps),
    root.slice(0, rootDigits),
    rootMark(view, replica, paint),
  ];
}

/** Buckets that anti-entropy has to look at. */
function suspects({ suspectBuckets = 0 }: Replica, paint: Paint): string {
  return suspectBuckets === 0 ? '' : paint('red', ` (${grouped(suspectBuckets)} suspect)`);
}

/** Where the replica was last compared with another one, row digest by row digest, and found equal. */
function provenCell({ replicas }: ShardView, { node, proven = [] }: Replica, wall: number): string {
  const byOthers = replicas.flatMap((other) => (other.proven ?? []).filter((one) => one.with === node));
  const [last] = [...proven, ...byOthers].toSorted((a, b) => b.at - a.at);
  if (last === undefined) return 'not yet';
  return `${formatPosition(last.position)}, ${formatDuration(Math.max(0, wall - last.at))} ago`;
}

/** How the replica's root compares with the others' at the same position. */
function rootMark({ replicas }: ShardView, replica: Replica, paint: Paint): string {
  const peers = replicas.filter(({ node, applied, alive }) => {
    return node !== replica.node && alive && comparePositions(applied, replica.applied) === 0;
  });
  if (!replica.alive || peers.length === 0) return paint('dim', 'not comparable');
  if (peers.some(({ root }) => root !== replica.root)) return paint('red', '≠ DIFFERENT');
  const all = peers.length === replicas.length - 1;
  return paint('green', all ? '= equal' : `= equal to ${peers.map(({ node }) => node).join(', ')}`);
}
