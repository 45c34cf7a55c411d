/** The routing table as people and dashboards see it: the cluster view and the shard views. */
import {
  type ClusterRecord,
  type ClusterView,
  comparePositions,
  foundingMembers,
  type MembersView,
  memberOf,
  type ShardView,
  wantedPlacement,
} from '@driftless/contracts';
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
  const nodes = [...state.nodes.values()]
    .filter((node) => !isGone(state, node))
    .sort((a, b) => (a.status.node < b.status.node ? -1 : 1));
  return {
    cluster: cluster.cluster,
    shardCount: cluster.shardCount,
    replicationFactor: cluster.replicationFactor,
    gateway: context.gateway,
    nats: context.nats,
    ...membersView(state),
    nodes: nodes.map((node) => nodeView(node, context)),
    shards: state.routes.flatMap(({ shard }) => shardView(state, shard) ?? []),
  };
}

/** Undefined when there is no such shard, or the cluster record isn't known yet. */
export function shardView(state: RoutingState, shard: number): ShardView | undefined {
  const { cluster } = state;
  const route = state.routes[shard];
  if (cluster === undefined || route === undefined) return undefined;
  const replicas = [...state.nodes.values()].flatMap(({ status, alive }) =>
    status.shards
      .filter((replica) => replica.shard === shard)
      .map((replica) => ({ ...replica, node: status.node, alive })),
  );
  return {
    shard,
    ...(route.leader !== undefined && { leader: route.leader }),
    ...(route.epoch > 0 && { epoch: route.epoch }),
    members: setInForce(replicas, route.leader) ?? foundingSet(cluster, shard),
    replicas: replicas.sort((a, b) => (a.node < b.node ? -1 : 1)),
  };
}

/** Who is a member, and which shards move. */
export function membersView(state: RoutingState): MembersView {
  const shards = state.routes.flatMap(({ shard }) => shardView(state, shard) ?? []);
  const wanted = wantedSets(state);
  const numbersOf = (views: ShardView[]): number[] => views.map(({ shard }) => shard);
  return {
    members: state.members.map((member) => {
      const { node } = member;
      const copies = shards.filter(
        ({ members, replicas }) =>
          !members.includes(node) && replicas.some((replica) => replica.node === node && replica.alive),
      );
      return {
        ...member,
        alive: state.nodes.get(node)?.alive ?? false,
        shards: numbersOf(shards.filter(({ members }) => members.includes(node))),
        leads: numbersOf(shards.filter(({ leader }) => leader === node)),
        copies: numbersOf(copies),
      };
    }),
    moves: shards.flatMap((view) => {
      const { shard, members } = view;
      const doing = doingOf(view, wanted[shard] ?? []);
      return doing === undefined ? [] : [{ shard, members, doing }];
    }),
  };
}

/** Where the list of members wants the shards; empty while none is known. */
function wantedSets({ cluster, members }: RoutingState): string[][] {
  if (cluster === undefined || members.length === 0) return [];
  return wantedPlacement(members, cluster.shardCount, cluster.replicationFactor);
}

/** By its leader's word. A set that is not the wanted one has to move, whoever leads it next. */
function doingOf({ leader, members, replicas }: ShardView, wanted: readonly string[]): string | undefined {
  const move = replicas.find(({ node }) => node === leader)?.move;
  const isWanted = wanted.length === 0 || members.toSorted().join() === wanted.toSorted().join();
  if (move?.doing !== undefined || isWanted) return move?.doing;
  return leader === undefined ? 'waiting: nobody leads the shard' : 'waiting: its leader has yet to look';
}

/** By the leader's word, or by that of the replica that is furthest. */
function setInForce(replicas: ShardView['replicas'], leader: string | undefined): string[] | undefined {
  const known = replicas.filter(({ members }) => members.length > 0);
  const furthest = known.toSorted((a, b) => comparePositions(b.applied, a.applied))[0];
  return (known.find(({ node }) => node === leader) ?? furthest)?.members;
}

/** What the cluster began with, while no node has told anything else. */
function foundingSet({ members, shardCount, replicationFactor }: ClusterRecord, shard: number): string[] {
  return wantedPlacement(foundingMembers(members), shardCount, replicationFactor)[shard] ?? [];
}

/** It has left, and is silent: nobody misses it. */
function isGone({ members }: RoutingState, { status, alive }: KnownNode): boolean {
  return !alive && memberOf(members, status.node)?.state === 'left';
}

function nodeView({ status, heardAt, alive }: KnownNode, context: ViewContext): ClusterView['nodes'][number] {
  const { shards: _, members: __, toldAt: ___, ...node } = status;
  const statusAgeMs = Math.max(0, Math.round(context.now - heardAt));
  return { ...node, statusAgeMs, alive, circuit: context.circuitOf(status.node) };
}
