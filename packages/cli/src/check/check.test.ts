import type { ClusterView } from '@driftless/contracts';
import { expect, it } from 'vitest';
import { problemsOfShard } from './check.ts';

type Replica = ClusterView['shards'][number]['replicas'][number];

const replica = (node: string, more: Partial<Replica> = {}): Replica =>
  ({
    node,
    alive: true,
    health: 'healthy',
    lagMs: 0,
    applied: { epoch: 1, seq: 7 },
    root: 'aa',
    ...more,
  }) as Replica;
const viewOf = (replicas: Replica[], leader: string | undefined = 'a'): ClusterView =>
  ({ shards: [{ shard: 0, leader, members: ['a', 'b'], replicas }] }) as unknown as ClusterView;
const problems = (...args: Parameters<typeof viewOf>) => problemsOfShard(viewOf(...args), 0, 1000);

it('finds nothing where all are equal and near', () => {
  expect(problems([replica('a'), replica('b', { lagMs: 1000 })])).toEqual([]);
});

it.each<[string, Partial<Replica>]>([
  ['b says nothing', { alive: false }],
  ['b is drifted', { health: 'drifted' }],
  ['b does not know how far behind it is', { lagMs: undefined }],
  ['b is 1001 ms behind', { lagMs: 1001 }],
  ['b is not where a is', { applied: { epoch: 1, seq: 6 } }],
  ['b has another root than a', { root: 'bb' }],
])('%s', (message, more) => {
  expect(problems([replica('a'), replica('b', more)])).toEqual([message]);
});

it('a replica that is not heard of, and a shard without a leader', () => {
  expect(problems([replica('a')])).toEqual(['b says nothing']);
  const { shards, ...rest } = viewOf([replica('a'), replica('b')]);
  const leaderless = shards.map(({ leader: _none, ...shard }) => shard);
  expect(problemsOfShard({ ...rest, shards: leaderless }, 0, 1000)).toEqual(['nobody leads']);
});
