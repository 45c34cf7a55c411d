import { expect, it } from 'vitest';
import { bytes, fullestShard, percent, seconds, spreadOf, whole } from './numbers.ts';

it('a spread says least, mean, most, deviation, and how much more the most is', () => {
  expect(spreadOf([2, 4, 6])).toEqual({
    least: 2,
    mean: 4,
    most: 6,
    deviation: Math.sqrt(8 / 3),
    ratio: 1.5,
  });
  expect(() => spreadOf([])).toThrow(RangeError);
});

/** The chance that a shard has more than `most`, term by term. */
function chanceOfMore(keys: number, shards: number, most: number): number {
  let sum = 0;
  for (let k = most + 1; k <= keys; k += 1) {
    let term = 1;
    for (let i = 0; i < k; i += 1) term *= (keys - i) / (i + 1) / shards;
    sum += term * (1 - 1 / shards) ** (keys - k);
  }
  return sum;
}

it.each([
  [20, 4, 0.01],
  [100, 10, 0.01],
  [100, 10, 0.5],
  [50, 2, 0.1],
])(
  'the fullest of %i keys in %i shards is the first that all stay below, but for %f',
  (keys, shards, chance) => {
    const most = fullestShard(keys, shards, chance);
    expect(shards * chanceOfMore(keys, shards, most)).toBeLessThanOrEqual(chance);
    expect(shards * chanceOfMore(keys, shards, most - 1)).toBeGreaterThan(chance);
  },
);

it('numbers read well', () => {
  expect([whole(1234.4), whole(2.66), whole(3)]).toEqual(['1,234', '2.7', '3']);
  expect([bytes(999), bytes(4802), bytes(23_437), bytes(537e9), bytes(0)]).toEqual([
    '999 B',
    '4.8 kB',
    '23 kB',
    '537 GB',
    '0 B',
  ]);
  expect([percent(0), percent(0.0001), percent(0.125)]).toEqual(['0.0%', '< 0.1%', '12.5%']);
  expect([seconds(2500), seconds(442_000), seconds(180_000)]).toEqual(['2.5 s', '7 min 22 s', '3 min']);
});
