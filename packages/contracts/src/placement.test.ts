import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { majorityOf, preferredLeaders, replicasOf } from './placement.ts';

const members = fc
  .uniqueArray(fc.stringMatching(/^[a-z0-9]{1,8}$/), { minLength: 1, maxLength: 9 })
  .map((names) => names.map((name) => `node-${name}`));
const shard = fc.nat(200);

describe('the replica set', () => {
  it('has as many different members as it should, whatever order they are listed in', () => {
    fc.assert(
      fc.property(shard, members, fc.integer({ min: 1, max: 5 }), (shard, members, factor) => {
        const replicas = replicasOf(shard, members, factor);
        expect(new Set(replicas).size).toBe(Math.min(factor, members.length));
        expect(members).toEqual(expect.arrayContaining(replicas));
        expect(replicasOf(shard, [...members].reverse(), factor)).toEqual(replicas);
      }),
    );
  });

  it('moves as little as it can: a member that joins only pushes out the last, or nobody', () => {
    fc.assert(
      fc.property(shard, members, (shard, members) => {
        const before = replicasOf(shard, members, 3);
        const after = replicasOf(shard, [...members, 'newcomer'], 3);
        const kept = after.filter((member) => member !== 'newcomer');
        expect(kept).toEqual(before.slice(0, kept.length));
        if (!after.includes('newcomer')) expect(after).toEqual(before);
      }),
    );
  });

  it('moves as little as it can: only the shards of a member that leaves get another one', () => {
    fc.assert(
      fc.property(shard, members, fc.nat(8), (shard, members, index) => {
        const leaver = members[index % members.length];
        const before = replicasOf(shard, members, 3);
        const after = replicasOf(
          shard,
          members.filter((member) => member !== leaver),
          3,
        );
        const kept = before.filter((member) => member !== leaver);
        expect(after.slice(0, kept.length)).toEqual(kept);
      }),
    );
  });

  it('spreads replicas evenly over members', () => {
    const members = ['node-1', 'node-2', 'node-3', 'node-4', 'node-5'];
    const counts = new Map<string, number>();
    for (let shard = 0; shard < 1000; shard += 1) {
      for (const member of replicasOf(shard, members, 3)) counts.set(member, (counts.get(member) ?? 0) + 1);
    }
    for (const count of counts.values()) expect(Math.abs(count - 600)).toBeLessThan(90);
  });
});

describe('preferred leaders', () => {
  it('are replicas of their shards; with full replication no member leads two more than another', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), members, (shards, members) => {
        const setsOf = (factor: number): string[][] =>
          Array.from({ length: shards }, (_, shard) => replicasOf(shard, members, factor));
        const leaders = preferredLeaders(setsOf(members.length));
        const counts = members.map((member) => leaders.filter((leader) => leader === member).length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        preferredLeaders(setsOf(3)).forEach((leader, shard) => {
          expect(replicasOf(shard, members, 3)).toContain(leader);
        });
      }),
    );
  });

  it('need a member', () => {
    expect(() => preferredLeaders([[]])).toThrow(RangeError);
  });
});

it('a majority and what is left of the replicas never are both majorities', () => {
  expect([1, 2, 3, 4, 5].map(majorityOf)).toEqual([1, 2, 2, 3, 3]);
  for (let n = 1; n < 20; n += 1) expect(n - majorityOf(n)).toBeLessThan(majorityOf(n));
});
