import { describe, expect, it } from 'vitest';
import { type RebalanceInput, rebalance } from './rebalance.ts';

const limits = { statusEveryMs: 500, movesMax: 2, retireAfterMs: 5000, handBackAfterMs: 10_000 };
const run = (input: Partial<RebalanceInput>) =>
  rebalance({ before: [], after: [], limits, copyMs: 1000, ...input });

/** So many shards of the nodes a, b and c, each led by another one. */
const shardsOf = (count: number): string[][] =>
  Array.from({ length: count }, (_, i) => ['a', 'b', 'c'].map((_, k, set) => set[(i + k) % 3] as string));

describe('a rebalance', () => {
  it('takes no time when nothing is to be done', () => {
    const same = run({ before: shardsOf(9), after: shardsOf(9) });
    expect(same).toEqual({ movedMs: 0, settledMs: 0, copies: 0, handOvers: 0, busiestMs: 0 });
  });

  it('invites, copies, adds, hands over and removes, a turn of news between each', () => {
    const done = run({ before: [['a', 'b', 'c']], after: [['d', 'b', 'c']] });
    // 0 invited, 500 taken, 1500 copied, 2000 added, 2500 handed over, 3500 settled and removed.
    expect(done).toMatchObject({ movedMs: 3500, copies: 1, handOvers: 1, busiestMs: 1000 });
    // The copy of a is kept while the removal settles, and for a while more.
    expect(done.settledMs).toBe(3500 + 2 * 500 + limits.retireAfterMs);
  });

  it('hands a leadership home only after a while', () => {
    const done = run({ before: [['a', 'b', 'c']], after: [['b', 'a', 'c']] });
    expect(done).toEqual({
      movedMs: 0,
      settledMs: limits.handBackAfterMs,
      copies: 0,
      handOvers: 1,
      busiestMs: 0,
    });
  });

  it('is as slow as the node that takes most copies, however many it takes at a time', () => {
    const before = shardsOf(30);
    const after = before.map((set) => set.map((node) => (node === 'b' ? 'd' : node)));
    for (const movesMax of [1, 2, 8]) {
      const done = run({ before, after, copyMs: 20_000, limits: { ...limits, movesMax } });
      expect(done).toMatchObject({ copies: 30, busiestMs: 600_000 });
      expect(done.movedMs).toBeGreaterThanOrEqual(done.busiestMs);
    }
  });

  it('keeps within movesMax: with one copy at a time each waits for the one before', () => {
    const before = [
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ];
    const after = [
      ['a', 'b', 'd'],
      ['a', 'b', 'e'],
    ];
    // Two newcomers, and one node that invites and gives: alone, each copy has all of its speed.
    const one = run({ before, after, limits: { ...limits, movesMax: 1 } });
    const two = run({ before, after });
    expect(one.busiestMs).toBe(2000);
    expect(one.movedMs).toBeGreaterThan(two.movedMs);
    // Both together take 1.2 s, for a gives them at half its speed each.
    expect(run({ before, after, copyMs: 600 }).movedMs).toBe(3000);
  });

  it('takes no more than movesMax copies at a node, whoever invites it', () => {
    const before = [
      ['a', 'b', 'c'],
      ['b', 'a', 'c'],
    ];
    const after = before.map(([leader, second]) => [leader, second, 'd'] as string[]);
    // Together they share the speed of d for 1.2 s; one by one the second is taken a turn later.
    expect(run({ before, after, copyMs: 600 }).movedMs).toBe(3000);
    expect(run({ before, after, copyMs: 600, limits: { ...limits, movesMax: 1 } }).movedMs).toBe(3500);
  });

  it('is the same each time', () => {
    const change = { before: shardsOf(12), after: shardsOf(12).map((set) => set.toSpliced(2, 1, 'd')) };
    expect(run(change)).toEqual(run(change));
  });
});
