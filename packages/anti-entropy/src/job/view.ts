/** What the process tells of itself: `GET /v1/anti-entropy`. */
import type { AntiEntropyView, NodeStatus, Patient } from '@driftless/contracts';
import { isSound } from '../core/plan-round.ts';
import type { Healer, HealerShard } from './healer.ts';

export interface ViewContext {
  cluster: string;
  instance: string;
  natsConnected: boolean;
  /** Of the nodes that are heard of. */
  statuses: readonly NodeStatus[];
}

export function viewOf(healer: Healer, context: ViewContext): AntiEntropyView {
  const { cluster, instance, natsConnected, statuses } = context;
  const proven = healer.rounds.proofs.pairs.map(({ shard, nodes, position, at }) => {
    return { shard, nodes, position, at: new Date(at).toISOString() };
  });
  return {
    cluster,
    instance,
    natsConnected,
    quiet: healer.isQuiet,
    shards: healer.shards.map((shard) => shardView(healer, shard, statuses)),
    proven,
  };
}

function shardView(
  healer: Healer,
  { shard, due, running }: HealerShard,
  statuses: readonly NodeStatus[],
): AntiEntropyView['shards'][number] {
  const lastRound = healer.rounds.last.get(shard);
  const dueInMs = Math.max(0, Math.round(due.at - healer.now));
  const state = running ? 'running' : dueInMs === 0 ? 'waiting' : 'resting';
  const patients = statuses.flatMap((status) => patientOf(healer, shard, status) ?? []);
  return { shard, state, dueInMs, cause: due.cause, ...(lastRound && { lastRound }), patients };
}

/** Undefined when nothing is known against the node's replica. */
function patientOf(healer: Healer, shard: number, status: NodeStatus): Patient | undefined {
  const { ladders, proofs } = healer.rounds;
  const { node } = status;
  const replica = status.shards.find((candidate) => candidate.shard === shard);
  const driftedForMs = proofs.driftedForMs(shard, node, healer.now);
  const rung = ladders.rungOf(shard, node);
  const isWell = replica === undefined || (isSound(replica) && replica.health === 'healthy');
  if (isWell && rung === 'key' && driftedForMs === undefined) return undefined;
  const reason = ladders.reasonOf(shard, node);
  return {
    node,
    rung,
    ...(rung !== 'key' && { reason }),
    ...(replica && { health: replica.health, suspectBuckets: replica.suspectBuckets ?? 0 }),
    ...(driftedForMs !== undefined && { driftedForMs: Math.round(driftedForMs) }),
    stoppedRows: ladders.stoppedRows(shard, node),
  };
}
