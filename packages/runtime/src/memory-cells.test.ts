import { describe, expect, it } from 'vitest';
import { Unanswered } from './cells.ts';
import { MemoryCells } from './memory-cells.ts';

/** What leases ask of cells; the ones in JetStream are asked the same by the leases of store nodes. */
describe('cells in memory', () => {
  it('are changed by compare-and-set', async () => {
    const bucket = new MemoryCells<string>();
    const [a, b] = [bucket.as('a'), bucket.as('b')];
    expect(await a.read('k')).toEqual({ revision: 0, value: null });
    const first = await a.write('k', 'one', 0);
    expect(await b.write('k', 'two', 0)).toBeUndefined();
    const second = (await b.write('k', 'two', first ?? 0)) ?? 0;
    expect(second).toBeGreaterThan(first ?? 0);
    expect(await a.write('k', 'three', second + 1)).toBeUndefined();
    expect(await a.read('k')).toEqual({ revision: second, value: 'two' });
    expect(await a.read('other')).toEqual({ revision: 0, value: null });
  });

  it('are won by one of those who come at one time', async () => {
    const bucket = new MemoryCells<string>();
    const names = ['a', 'b', 'c'];
    const won = await Promise.all(names.map((name) => bucket.as(name).write('k', name, 0)));
    expect(won.filter((revision) => revision !== undefined)).toHaveLength(1);
  });

  it('give no answers to who is away, and begin anew when they are lost', async () => {
    const bucket = new MemoryCells<string>();
    await bucket.as('a').write('k', 'one', 0);
    bucket.setReachable('a', false);
    await expect(bucket.as('a').read('k')).rejects.toThrow(Unanswered);
    await expect(bucket.as('a').write('k', 'two', 1)).rejects.toThrow(Unanswered);
    bucket.setReachable('a', true);
    bucket.wipe();
    expect(await bucket.as('a').read('k')).toEqual({ revision: 0, value: null });
  });
});
