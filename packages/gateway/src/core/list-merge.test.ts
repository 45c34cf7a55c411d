import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys, ListMerge } from './list-merge.ts';

/** Lists everything that the shards hold, with pages of `pageSize`. */
function drain(shards: readonly string[][], pageSize: number, after = ''): string[] {
  const sorted = shards.map((keys) => [...keys].sort(compareKeys));
  const merge = new ListMerge<{ key: string }>(shards.length, after);
  const out: string[] = [];
  for (let rounds = 0; rounds < 10_000; rounds += 1) {
    const entry = merge.take();
    if (entry !== undefined) {
      out.push(entry.key);
      continue;
    }
    if (merge.ended) return out;
    const needs = merge.needs();
    expect(needs.length).toBeGreaterThan(0);
    for (const { shard, after: from } of needs) {
      const rest = (sorted[shard] as string[]).filter((key) => from === '' || compareKeys(key, from) > 0);
      const page = rest.slice(0, pageSize).map((key) => ({ key }));
      merge.supply(shard, page, rest.length > pageSize);
    }
  }
  throw new Error('the merge does not end');
}

describe('ListMerge', () => {
  it('gives the same as sorting all, for any shards and pages', () => {
    const keys = fc.uniqueArray(fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }), { maxLength: 40 });
    fc.assert(
      fc.property(
        keys,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 7 }),
        (all, count, size) => {
          const shards = Array.from({ length: count }, (_, shard) =>
            all.filter((_, i) => i % count === shard),
          );
          expect(drain(shards, size)).toEqual([...all].sort(compareKeys));
        },
      ),
    );
  });

  it('begins after a key', () => {
    expect(
      drain(
        [
          ['a', 'c'],
          ['b', 'd'],
        ],
        1,
        'b',
      ),
    ).toEqual(['c', 'd']);
  });

  it('orders by bytes, not by UTF-16', () => {
    const keys = ['\u{1F600}', '\uFFFD', 'a'];
    expect(drain([keys], 2)).toEqual(['a', '\uFFFD', '\u{1F600}']);
    expect(Buffer.compare(Buffer.from('\uFFFD'), Buffer.from('\u{1F600}'))).toBeLessThan(0);
  });

  it('refuses a page that says "more" and brings nothing, which would never end', () => {
    const merge = new ListMerge(1, '');
    expect(() => merge.supply(0, [], true)).toThrow(/invariant/);
  });
});
