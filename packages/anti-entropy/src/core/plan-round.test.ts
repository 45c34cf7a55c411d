import type { NodeStatus, ReplicaStatus } from '@driftless/contracts';
import { describe, expect, it } from 'vitest';
import { planRound } from './plan-round.ts';

const members = ['a', 'b', 'c'];

function status(node: string, change: Partial<ReplicaStatus> = {}): NodeStatus {
  const replica: ReplicaStatus = {
    shard: 0,
    role: node === 'a' ? 'leading' : 'following',
    health: 'healthy',
    members,
    applied: { epoch: 2, seq: 10 },
    root: '',
    stream: { seq: 1, createdAt: '' },
    counts: { driftEvents: 0, corruptRows: 0, quarantined: 0, orphans: 0, gaps: 0 },
    ...change,
  };
  const times = { startedAt: '', natsConnected: true, draining: false };
  return { node, incarnation: 'i', url: '', ...times, members: [], shards: [replica] };
}

describe('a plan', () => {
  it('compares the others with the leader', () => {
    const plan = planRound(0, [status('c'), status('a'), status('b')]);
    expect(plan).toMatchObject({ members, reference: 'a', others: ['b', 'c'], absent: [], leader: 'a' });
  });

  it('takes the furthest that is well when the leader is not, and leaves that one to hand over', () => {
    const behind = { applied: { epoch: 2, seq: 9 } };
    const plan = planRound(0, [status('a', { health: 'drifted' }), status('b', behind), status('c')]);
    expect(plan).toMatchObject({ reference: 'c', others: ['b'], leader: 'a' });
    expect(plan.absent).toEqual([{ node: 'a', reason: expect.stringContaining('hands over') }]);
  });

  it('takes drifted ones first, and those with suspect buckets for drifted', () => {
    const plan = planRound(0, [status('a'), status('b'), status('c', { suspectBuckets: 1 })]);
    expect(plan.others).toEqual(['c', 'b']);
    expect(planRound(0, [status('a', { suspectBuckets: 1 }), status('b')]).reference).toBe('b');
  });

  it('has a reference even when nobody is well, and says so', () => {
    const drifted = { role: 'following', health: 'drifted' } as const;
    const plan = planRound(
      0,
      members.map((node) => status(node, drifted)),
    );
    expect(plan).toMatchObject({ reference: 'a', referenceIsSound: false, others: ['b', 'c'] });
  });

  it.each([
    [{ role: 'halted', health: 'halted', reason: 'Damaged.' }, 'Damaged.'],
    [{ health: 'restoring' }, 'orphans'],
    [{ role: 'starting' }, 'starting'],
    [{ role: 'learning' }, 'copy'],
  ] as const)('leaves out who is %o', (change, reason) => {
    const plan = planRound(0, [status('a'), status('b', change), status('c')]);
    expect(plan.others).toEqual(['c']);
    expect(plan.absent).toEqual([{ node: 'b', reason: expect.stringContaining(reason) }]);
  });

  it('tells who is not heard of, and takes no one who is not of the set', () => {
    const plan = planRound(0, [status('a'), status('b'), status('d')]);
    expect(plan.others).toEqual(['b']);
    expect(plan.absent).toEqual([{ node: 'c', reason: 'It is not heard of.' }]);
  });

  it('goes by the leader’s word who is of the set, else by that of the furthest', () => {
    const old = { members: ['a', 'b', 'x'] };
    expect(planRound(0, [status('b', old), status('a')]).members).toEqual(members);
    const further = { role: 'following', applied: { epoch: 2, seq: 11 } } as const;
    expect(planRound(0, [status('b', old), status('c', further)]).members).toEqual(members);
    expect(planRound(0, [])).toMatchObject({ members: [], reference: undefined });
    expect(planRound(1, [status('a')]).members).toEqual([]);
  });
});
