/**
 * The routing table: who leads each shard and who may serve reads of it, from what nodes tell about
 * themselves.
 *
 *     cluster record ──┐
 *     lease watch ─────┤  step(state, event) → { state, changed }   →  routes[shard]
 *     node statuses ───┘
 *
 * Two sources name a leader. A lease names who *may* lead, a status who says that it *does*. The higher epoch
 * wins; at one epoch the later news wins, so that a lease handed on beats the last words of its former
 * holder. Being wrong costs time, never safety: the node refuses what it doesn't lead, and the stream's fence
 * stands behind that.
 *
 * A node that has been silent for `nodeSilentMs` counts as dead, unless NATS is out of our reach: then
 * silence says nothing about nodes, and the last table goes on serving, for nodes are reached by HTTP.
 */
import {
  type ClusterRecord,
  type Lease,
  type MemberList,
  mergeMembers,
  type NodeStatus,
  type ReplicaStatus,
} from '@driftless/contracts';

export interface RoutingLimits {
  /** A node whose last status is older than this is not alive, milliseconds. */
  nodeSilentMs: number;
  /** A replica with more lag serves eventual reads only when no better one does, milliseconds. */
  readLagMaxMs: number;
}

export interface KnownNode {
  status: NodeStatus;
  /** Monotonic time of its last status, milliseconds. */
  heardAt: number;
  alive: boolean;
}

interface KnownLease {
  lease: Lease;
  heardAt: number;
}

/** Where requests for a shard go. */
export interface Route {
  shard: number;
  /** Node that leads, alive; absent when nobody is known to. */
  leader?: string;
  /** Epoch of the leader, as far as it is known. */
  epoch: number;
  /** Replicas for eventual reads: healthy and close behind. */
  near: readonly string[];
  /** Healthy replicas that are further behind, or don't know how far: for when no near one answers. */
  far: readonly string[];
}

export interface RoutingState {
  limits: RoutingLimits;
  cluster: ClusterRecord | undefined;
  nodes: ReadonlyMap<string, KnownNode>;
  /** The list of members, merged from what nodes tell. */
  members: MemberList;
  leases: ReadonlyMap<number, KnownLease>;
  /** Monotonic time since when NATS is out of reach; undefined while it is in reach. */
  natsLostAt: number | undefined;
  /** By shard number. Empty until the cluster record is known. */
  routes: readonly Route[];
}

/** `now` is monotonic, in milliseconds. */
export type RoutingEvent =
  | { type: 'cluster-known'; cluster: ClusterRecord; now: number }
  | { type: 'lease-seen'; shard: number; lease: Lease; now: number }
  | { type: 'status-heard'; status: NodeStatus; now: number }
  /** A node has taken an order that changed the list. */
  | { type: 'members-known'; members: MemberList; now: number }
  | { type: 'nats-lost'; now: number }
  | { type: 'nats-back'; now: number }
  | { type: 'ticked'; now: number };

export interface RoutingStep {
  state: RoutingState;
  /** Shards whose leader or its epoch is another one now. */
  changed: readonly Route[];
}

export function initialRouting(limits: RoutingLimits): RoutingState {
  const nothing = { cluster: undefined, nodes: new Map(), members: [], leases: new Map(), routes: [] };
  return { limits, ...nothing, natsLostAt: undefined };
}

export function stepRouting(state: RoutingState, event: RoutingEvent): RoutingStep {
  const heard = withLiveness(withNews(state, event), event.now);
  const routes = routesOf(heard);
  const changed = routes.filter((route) => !sameLeader(route, state.routes[route.shard]));
  return { state: { ...heard, routes }, changed };
}

/** Why the table can't serve yet, or undefined when it can. */
export function notReadyReason({ cluster, nodes }: RoutingState): string | undefined {
  if (cluster === undefined)
    return 'The cluster record is not there yet: no store-node has made the cluster.';
  const alive = [...nodes.values()].some((node) => node.alive);
  return alive ? undefined : 'No store-node has told its status lately.';
}

function withNews(state: RoutingState, event: RoutingEvent): RoutingState {
  switch (event.type) {
    case 'cluster-known':
      return { ...state, cluster: event.cluster };
    case 'lease-seen': {
      const leases = new Map(state.leases).set(event.shard, { lease: event.lease, heardAt: event.now });
      return { ...state, leases };
    }
    case 'status-heard': {
      const node = { status: event.status, heardAt: event.now, alive: true };
      const nodes = new Map(state.nodes).set(event.status.node, node);
      return { ...state, nodes, members: mergeMembers(state.members, event.status.members) };
    }
    case 'members-known':
      return { ...state, members: mergeMembers(state.members, event.members) };
    case 'nats-lost':
      return { ...state, natsLostAt: state.natsLostAt ?? event.now };
    case 'nats-back': {
      // Who was alive when we went deaf gets its full time to be heard again.
      const nodes = new Map(
        [...state.nodes].map(([name, node]) => [name, node.alive ? { ...node, heardAt: event.now } : node]),
      );
      return { ...state, nodes, natsLostAt: undefined };
    }
    case 'ticked':
      return state;
  }
}

/**
 * A node that is silent while others are heard is dead. When all have fallen silent it is NATS that is
 * (paused, say, with its sockets open): then what was known when the last one was heard stays.
 */
function withLiveness(state: RoutingState, now: number): RoutingState {
  if (state.natsLostAt !== undefined) return state;
  const { nodeSilentMs } = state.limits;
  const lastHeardAt = Math.max(...[...state.nodes.values()].map(({ heardAt }) => heardAt));
  const at = now - lastHeardAt > nodeSilentMs ? lastHeardAt : now;
  const isAlive = (node: KnownNode): boolean => at - node.heardAt <= nodeSilentMs;
  if ([...state.nodes.values()].every((node) => node.alive === isAlive(node))) return state;
  const nodes = new Map([...state.nodes].map(([name, node]) => [name, { ...node, alive: isAlive(node) }]));
  return { ...state, nodes };
}

function routesOf(state: RoutingState): Route[] {
  return Array.from({ length: state.cluster?.shardCount ?? 0 }, (_, shard) => routeOf(state, shard));
}

function routeOf(state: RoutingState, shard: number): Route {
  const near: string[] = [];
  const far: string[] = [];
  for (const { status, alive } of state.nodes.values()) {
    const replica = status.shards.find((one) => one.shard === shard);
    if (!alive || replica === undefined || !servesReads(replica)) continue;
    const close = replica.lagMs !== undefined && replica.lagMs <= state.limits.readLagMaxMs;
    (close && !status.draining ? near : far).push(status.node);
  }
  return { shard, near, far, ...leaderOf(state, shard) };
}

/** A copy that is not of the replica set, or not any more, may be gone with the next request. */
function servesReads({ role, health }: ReplicaStatus): boolean {
  const isOutside = role === 'learning' || role === 'retiring';
  return health === 'healthy' && role !== 'starting' && role !== 'halted' && !isOutside;
}

interface Claim {
  holder: string | null;
  epoch: number;
  heardAt: number;
}

function leaderOf(state: RoutingState, shard: number): { leader?: string; epoch: number } {
  const claims: Claim[] = [];
  const known = state.leases.get(shard);
  if (known !== undefined) claims.push({ ...known.lease, heardAt: known.heardAt });
  for (const { status, heardAt } of state.nodes.values()) {
    const replica = status.shards.find((one) => one.shard === shard);
    if (replica?.role !== 'leading') continue;
    claims.push({ holder: status.node, epoch: replica.applied.epoch, heardAt });
  }
  const best = claims.reduce<Claim | undefined>(
    (winner, claim) => (winner === undefined || isLater(claim, winner) ? claim : winner),
    undefined,
  );
  const epoch = best?.epoch ?? 0;
  if (best === undefined || best.holder === null || state.nodes.get(best.holder)?.alive !== true)
    return { epoch };
  return { leader: best.holder, epoch };
}

function isLater(a: Claim, b: Claim): boolean {
  return a.epoch === b.epoch ? a.heardAt > b.heardAt : a.epoch > b.epoch;
}

function sameLeader(a: Route, b: Route | undefined): boolean {
  return b !== undefined && a.leader === b.leader && a.epoch === b.epoch;
}
