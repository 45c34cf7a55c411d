import { majorityOf } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AckProgress,
  AckWaits,
  replicatedBySets,
  replicatedSeq,
  setsInUse,
  type Wait,
} from './waits.ts';

const levels = ['leader', 'stream', 'majority', 'all'] as const;
const progress = (leader: number, stream = 0, majority = 0, all = 0): AckProgress => {
  return { leader, stream, majority, all };
};
const whats = (waits: readonly Wait<string>[]): string[] => waits.map(({ what }) => what);

describe('waits', () => {
  it('W1 are over when their level has come to their seq', () => {
    const waits = new AckWaits<string>();
    waits.add({ level: 'leader', seq: 1, deadline: 10, what: 'leader 1' });
    waits.add({ level: 'stream', seq: 1, deadline: 10, what: 'stream 1' });
    waits.add({ level: 'stream', seq: 3, deadline: 10, what: 'stream 3' });
    waits.add({ level: 'all', seq: 1, deadline: 10, what: 'all 1' });
    expect(whats(waits.reached(progress(1)))).toEqual(['leader 1']);
    expect(whats(waits.reached(progress(9, 2, 9)))).toEqual(['stream 1']);
    expect(waits.size).toBe(2);
    expect(whats(waits.reached(progress(9, 9, 9, 9))).sort()).toEqual(['all 1', 'stream 3']);
    expect(waits.size).toBe(0);
  });

  it('W1 are over even if one for a later seq came before: a read waits for its value', () => {
    const waits = new AckWaits<string>();
    waits.add({ level: 'stream', seq: 20, deadline: 10, what: 'write' });
    waits.add({ level: 'stream', seq: 10, deadline: 10, what: 'read' });
    expect(whats(waits.reached(progress(20, 15)))).toEqual(['read']);
  });

  it('W2 end at their deadline, or with the leadership', () => {
    const waits = new AckWaits<string>();
    waits.add({ level: 'all', seq: 1, deadline: 10, what: 'late' });
    waits.add({ level: 'all', seq: 2, deadline: 20, what: 'later' });
    waits.add({ level: 'stream', seq: 3, deadline: 30, what: 'abandoned' });
    expect(whats(waits.expired(9))).toEqual([]);
    expect(whats(waits.expired(10))).toEqual(['late']);
    expect(whats(waits.expired(25))).toEqual(['later']);
    expect(whats(waits.abandon())).toEqual(['abandoned']);
    expect(waits.size).toBe(0);
  });

  it('W1, W2 each leaves exactly once, as a plain list of them says', () => {
    const wait = fc.record({ level: fc.constantFrom(...levels), seq: fc.nat(20), deadline: fc.nat(20) });
    const step = fc.oneof(
      wait.map((wait) => ({ does: 'add' as const, wait })),
      fc.tuple(fc.nat(20), fc.nat(20), fc.nat(20), fc.nat(20)).map((to) => ({ does: 'reach' as const, to })),
      fc.nat(20).map((now) => ({ does: 'expire' as const, now })),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const waits = new AckWaits<string>();
        let model: Wait<string>[] = [];
        const take = (over: (wait: Wait<string>) => boolean): string[] => {
          const taken = model.filter(over);
          model = model.filter((wait) => !over(wait));
          return whats(taken).sort();
        };
        steps.forEach((step, index) => {
          if (step.does === 'add') {
            const wait = { ...step.wait, what: String(index) };
            waits.add(wait);
            model.push(wait);
          } else if (step.does === 'reach') {
            const reached = progress(...step.to);
            expect(whats(waits.reached(reached)).sort()).toEqual(
              take(({ level, seq }) => seq <= reached[level]),
            );
          } else {
            expect(whats(waits.expired(step.now)).sort()).toEqual(
              take(({ deadline }) => deadline <= step.now),
            );
          }
          expect(waits.size).toBe(model.length);
        });
        expect(whats(waits.abandon()).sort()).toEqual(take(() => true));
      }),
    );
  });
});

describe('W3 what several replicas have applied durably', () => {
  const members = ['a', 'b', 'c'];
  it('counts members, and only positions of the leader’s own epoch', () => {
    const applied = new Map([
      ['a', { epoch: 2, seq: 30 }],
      ['b', { epoch: 2, seq: 20 }],
      ['c', { epoch: 1, seq: 99 }],
      ['stranger', { epoch: 2, seq: 99 }],
    ]);
    expect([1, 2, 3].map((count) => replicatedSeq(members, applied, 2, count))).toEqual([30, 20, 0]);
    expect(replicatedSeq(members, applied, 3, 1)).toBe(0);
  });

  it('is 0 while too few have told, and for more than there are', () => {
    expect(replicatedSeq(members, new Map(), 1, 2)).toBe(0);
    expect(replicatedSeq(members, new Map([['a', { epoch: 1, seq: 5 }]]), 1, 4)).toBe(0);
  });

  it('is what at least that many members have', () => {
    const position = fc.record({ epoch: fc.constantFrom(1, 2), seq: fc.nat(9) });
    const positions = fc.dictionary(fc.constantFrom(...members), position);
    fc.assert(
      fc.property(positions, fc.integer({ min: 1, max: 3 }), (positions, count) => {
        const applied = new Map(Object.entries(positions));
        const seq = replicatedSeq(members, applied, 2, count);
        const having = (at: number): number => {
          return members.filter((member) => {
            const position = applied.get(member);
            return position?.epoch === 2 && position.seq >= at;
          }).length;
        };
        if (seq > 0) expect(having(seq)).toBeGreaterThanOrEqual(count);
        expect(having(seq + 1)).toBeLessThan(count);
      }),
    );
  });
});

describe('W3 replicated, while the replica set changes', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const change = fc.record({
    after: fc.integer({ min: 1, max: 4 }),
    members: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 }),
  });
  const sets = fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    let seq = 0;
    return changes.map(({ after, members }) => {
      seq += after;
      return { seq, members };
    });
  });
  const told = fc.dictionary(fc.constantFrom(...names), fc.nat(20));

  it('is for each operation what enough of the set at its own seq have', () => {
    fc.assert(
      fc.property(sets, told, (sets, told) => {
        const applied = new Map(Object.entries(told).map(([node, seq]) => [node, { epoch: 2, seq }]));
        const membersAt = (at: number) =>
          sets.findLast(({ seq }) => seq <= at)?.members ?? sets[0]?.members ?? [];
        const has = (at: number, count: (members: number) => number): boolean => {
          const members = membersAt(at);
          return members.filter((node) => (told[node] ?? 0) >= at).length >= count(members.length);
        };
        // By brute force: all operations up to there have enough.
        const reached = (count: (members: number) => number): number => {
          let seq = (sets[0]?.seq ?? 1) - 1;
          while (seq < 20 && has(seq + 1, count)) seq += 1;
          return seq;
        };
        const replicated = replicatedBySets(sets, applied, 2);
        expect(replicated.majority).toBe(reached(majorityOf));
        expect(replicated.all).toBe(reached((members) => members));
        expect(replicatedBySets(setsInUse(sets, replicated), applied, 2)).toEqual(replicated);
      }),
    );
  });
});
