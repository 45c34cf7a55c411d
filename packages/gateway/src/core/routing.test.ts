import {
  type ClusterRecord,
  foundingMembers,
  type Lease,
  type NodeStatus,
  type ReplicaStatus,
  wantedPlacement,
} from '@driftless/contracts';
import { describe, expect, it } from 'vitest';
import { chooseReplica } from './replica-choice.ts';
import {
  initialRouting,
  notReadyReason,
  type Route,
  type RoutingEvent,
  type RoutingState,
  stepRouting,
} from './routing.ts';
import { clusterView, membersView } from './view.ts';

const cluster: ClusterRecord = {
  format: 1,
  cluster: 'test',
  id: 'x',
  shardCount: 2,
  members: ['a', 'b', 'c'],
  replicationFactor: 3,
};
const limits = { nodeSilentMs: 3000, readLagMaxMs: 5000 };

function replica(shard: number, more: Partial<ReplicaStatus> = {}): ReplicaStatus {
  return {
    shard,
    role: 'following',
    members: ['a', 'b', 'c'],
    health: 'healthy',
    applied: { epoch: 1, seq: 5 },
    root: '0'.repeat(32),
    lagOps: 0,
    lagMs: 0,
    stream: { seq: 5, createdAt: '' },
    counts: { driftEvents: 0, corruptRows: 0, quarantined: 0, orphans: 0, gaps: 0 },
    ...more,
  };
}

function status(node: string, shards: ReplicaStatus[], more: Partial<NodeStatus> = {}): NodeStatus {
  const url = `http://${node}`;
  return {
    node,
    incarnation: 'i',
    url,
    startedAt: '',
    natsConnected: true,
    draining: false,
    members: [],
    shards,
    ...more,
  };
}

const lease = (holder: string | null, epoch: number): Lease => ({
  holder,
  incarnation: 'i',
  epoch,
  ttlMs: 4000,
  next: null,
});

class Table {
  state: RoutingState = initialRouting(limits);
  changed: readonly Route[] = [];
  hear(...events: RoutingEvent[]): this {
    for (const event of events)
      ({ state: this.state, changed: this.changed } = stepRouting(this.state, event));
    return this;
  }
  heard(now: number, ...statuses: NodeStatus[]): this {
    return this.hear(...statuses.map((one) => ({ type: 'status-heard' as const, status: one, now })));
  }
  leased(now: number, holder: string | null, epoch: number, shard = 0): this {
    return this.hear({ type: 'lease-seen', shard, lease: lease(holder, epoch), now });
  }
  get route(): Route {
    return this.state.routes[0] as Route;
  }
}

const known = (): Table => new Table().hear({ type: 'cluster-known', cluster, now: 0 });
const three = (now: number, lead?: string, epoch = 1): NodeStatus[] =>
  ['a', 'b', 'c'].map((node) => {
    const role = node === lead ? ('leading' as const) : ('following' as const);
    return status(node, [replica(0, { role, applied: { epoch, seq: now } })]);
  });

describe('the routing table', () => {
  it('is ready once the cluster is known and a node is alive', () => {
    const table = new Table();
    expect(notReadyReason(table.state)).toMatch(/cluster record/);
    table.hear({ type: 'cluster-known', cluster, now: 0 });
    expect(notReadyReason(table.state)).toMatch(/store-node/);
    expect(notReadyReason(table.heard(0, ...three(0)).state)).toBeUndefined();
  });

  it('takes the leader from the lease and from statuses, the higher epoch first (R1)', () => {
    const table = known()
      .heard(0, ...three(0))
      .leased(1, 'a', 1);
    expect(table.route).toMatchObject({ leader: 'a', epoch: 1 });
    expect(table.changed).toMatchObject([{ shard: 0, leader: 'a' }]);
    expect(table.heard(2, ...three(2, 'b', 2)).route).toMatchObject({ leader: 'b', epoch: 2 });
    expect(table.leased(3, 'a', 1).route.leader).toBe('b');
    expect(table.leased(4, 'c', 3).route.leader).toBe('c');
  });

  it('believes the later news at one epoch: a lease handed on beats old words of its holder (R1)', () => {
    const table = known()
      .heard(0, ...three(0, 'a'))
      .leased(1, null, 1);
    expect(table.route.leader).toBeUndefined();
    expect(table.leased(2, 'b', 1).route.leader).toBe('b');
    expect(table.heard(3, ...three(3, 'a')).route.leader).toBe('a');
  });

  it('has no leader that is silent (R2), and tells when that changes (R5)', () => {
    const table = known()
      .heard(0, ...three(0))
      .leased(0, 'a', 1);
    const others = three(2000).filter(({ node }) => node !== 'a');
    expect(table.heard(2000, ...others).hear({ type: 'ticked', now: 3000 }).route.leader).toBe('a');
    expect(table.changed).toEqual([]);
    expect(table.hear({ type: 'ticked', now: 3001 }).route.leader).toBeUndefined();
    expect(table.changed).toMatchObject([{ shard: 0 }]);
    expect(table.heard(4000, ...three(4000)).route.leader).toBe('a');
  });

  it('does not lead to a node that nobody has heard of (R2)', () => {
    expect(known().leased(0, 'x', 9).route).toMatchObject({ epoch: 9 });
    expect(known().leased(0, 'x', 9).route.leader).toBeUndefined();
  });

  it('lets nobody die of silence while NATS is away, nor right after (R3)', () => {
    const table = known().heard(0, ...three(0, 'a'));
    table.hear({ type: 'nats-lost', now: 100 }, { type: 'ticked', now: 60_000 });
    expect(table.route).toMatchObject({ leader: 'a', near: ['a', 'b', 'c'] });
    table.hear({ type: 'nats-back', now: 61_000 }, { type: 'ticked', now: 63_000 });
    expect(table.route.leader).toBe('a');
    table.heard(63_500, status('b', [replica(0)])).hear({ type: 'ticked', now: 64_001 });
    expect(table.route.leader).toBeUndefined();
  });

  it('takes the silence of all for that of NATS: what was known when the last was heard stays (R3)', () => {
    const table = known()
      .heard(0, ...three(0, 'a'))
      .heard(2500, ...three(2500, 'a').slice(0, 2));
    table.hear({ type: 'ticked', now: 60_000 });
    expect(table.route).toMatchObject({ leader: 'a', near: ['a', 'b', 'c'] });
    expect(table.heard(61_000, status('b', [replica(0)])).route.leader).toBeUndefined();
  });

  it('gives eventual reads to healthy replicas, near ones first (R4)', () => {
    const table = known().heard(
      0,
      status('a', [replica(0, { health: 'drifted' })]),
      status('b', [replica(0, { role: 'halted', health: 'halted' })]),
      status('c', [replica(0, { lagMs: 9000 })]),
      status('d', [replica(0, { role: 'starting' })]),
      status('e', [replica(0)]),
      status('f', [replica(0)], { draining: true }),
      status('g', [replica(1)]),
    );
    expect(table.route).toMatchObject({ near: ['e'], far: ['c', 'f'] });
    const { lagMs: _, ...unknown } = replica(0);
    expect(table.heard(1, status('e', [unknown])).route).toMatchObject({ near: [], far: ['c', 'e', 'f'] });
  });

  it('shows itself', () => {
    const table = known()
      .heard(0, ...three(0, 'a'))
      .hear({ type: 'ticked', now: 10 });
    const view = clusterView(table.state, {
      gateway: 'gateway-1',
      nats: { connected: true },
      circuitOf: () => 'closed',
      now: 40,
    });
    expect(view?.nodes.map(({ node, statusAgeMs }) => [node, statusAgeMs])).toEqual([
      ['a', 40],
      ['b', 40],
      ['c', 40],
    ]);
    expect(view?.shards[0]).toMatchObject({ leader: 'a', epoch: 1 });
    expect([...(view?.shards[0]?.members ?? [])].sort()).toEqual(['a', 'b', 'c']);
    expect(view?.shards[1]?.leader).toBeUndefined();
  });

  it('has a shard move until its set is the wanted one, even while nobody leads it', () => {
    const moves = (): string[] =>
      membersView(table.state).moves.map(({ shard, doing }) => `${shard}: ${doing}`);
    const one = { ...cluster, shardCount: 1, replicationFactor: 1 };
    const members = foundingMembers(['a', 'b']);
    const [wanted] = wantedPlacement(members, 1, 1)[0] as [string];
    const table = new Table().hear({ type: 'cluster-known', cluster: one, now: 0 });
    table.hear({ type: 'members-known', members, now: 0 });
    const told = (more: Partial<ReplicaStatus>) => table.heard(0, status(wanted, [replica(0, more)]));
    told({ members: ['a', 'b'] });
    expect(moves()).toEqual(['0: waiting: nobody leads the shard']);
    table.leased(0, wanted, 1);
    expect(moves()).toEqual(['0: waiting: its leader has yet to look']);
    told({ members: ['a', 'b'], move: { settled: true, doing: 'remove x' } });
    expect(moves()).toEqual(['0: remove x']);
    told({ members: [wanted], move: { settled: true } });
    expect(moves()).toEqual([]);
  });
});

describe('chooseReplica', () => {
  const route: Route = { shard: 0, epoch: 1, near: ['a', 'b'], far: ['c'] };
  const all = (): boolean => true;
  it('goes round the near ones, then to far ones, and to nobody twice', () => {
    expect([0, 1, 2, 3].map((turn) => chooseReplica(route, turn, [], all))).toEqual(['a', 'b', 'a', 'b']);
    expect(chooseReplica(route, 0, ['a', 'b'], all)).toBe('c');
    expect(chooseReplica(route, 0, ['a', 'b', 'c'], all)).toBeUndefined();
  });
  it('leaves out open circuits as long as there is another', () => {
    expect(chooseReplica(route, 0, [], (node) => node !== 'a')).toBe('b');
    expect(chooseReplica(route, 0, [], (node) => node === 'c')).toBe('c');
    expect(chooseReplica(route, 0, [], () => false)).toBe('a');
  });
});
