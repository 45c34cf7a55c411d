/** The routing table as people and dashboards see it: the cluster view and the shard views. */
import { type ClusterView, preferredLeaders, replicasOf, type ShardView } from '@driftless/contracts';
import type { KnownNode, RoutingState } from './routing.ts';

export interface ViewContext {
  gateway: string;
  nats: ClusterView['nats'];
  /** State of the circuit to a node. */
  circuitOf(node: string): ClusterView['nodes'][number]['circuit'];
  /** Monotonic, milliseconds. */
  now: number;
}

/** Undefined until the cluster record is known. */
export function clusterView(state: RoutingState, context: ViewContext): ClusterView | undefined {
  const { cluster } = state;
  if (cluster === undefined) return undefined;
  const nodes = [...state.nodes.values()].sort((a, b) => (a.status.node < b.status.node ? -1 : 1));
  return {
    cluster: cluster.cluster,
    shardCount: cluster.shardCount,
    replicationFactor: cluster.replicationFactor,
    gateway: context.gateway,
    nats: context.nats,
    nodes: nodes.map((node) => nodeView(node, context)),
    shards: state.routes.flatMap(({ shard }) => shardView(state, shard) ?? []),
  };
}

/** Undefined when there is no such shard, or the cluster record isn't known yet. */
export function shardView(state: RoutingState, shard: number): ShardView | undefined {
  const { cluster } = state;
  const route = state.routes[shard];
  if (cluster === undefined || route === undefined) return undefined;
  const { members, replicationFactor, shardCount } = cluster;
  const preferred = preferredLeaders(shardCount, members, replicationFactor)[shard];
  const others = replicasOf(shard, members, replicationFactor).filter((member) => member !== preferred);
  const replicas = [...state.nodes.values()].flatMap(({ status, alive }) =>
    status.shards
      .filter((replica) => replica.shard === shard)
      .map((replica) => ({ ...replica, node: status.node, alive })),
  );
  return {
    shard,
    ...(route.leader !== undefined && { leader: route.leader }),
    ...(route.epoch > 0 && { epoch: route.epoch }),
    members: preferred === undefined ? others : [preferred, ...others],
    replicas: replicas.sort((a, b) => (a.node < b.node ? -1 : 1)),
  };
}

function nodeView({ status, heardAt, alive }: KnownNode, context: ViewContext): ClusterView['nodes'][number] {
  const { shards: _, ...node } = status;
  const statusAgeMs = Math.max(0, Math.round(context.now - heardAt));
  return { ...node, statusAgeMs, alive, circuit: context.circuitOf(status.node) };
}
