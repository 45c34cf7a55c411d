import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketsBetween, median, quantile, quantileOfBuckets, spreadOf } from './statistics.ts';

describe('a quantile', () => {
  it('is the smallest that so many are not above', () => {
    expect(quantile([5, 1, 4, 2, 3], 0.5)).toBe(3);
    expect(quantile([5, 1, 4, 2, 3], 0.8)).toBe(4);
    expect(quantile([5, 1, 4, 2, 3], 0.81)).toBe(5);
    expect(quantile([7], 0.99)).toBe(7);
    expect(quantile([], 0.5)).toBeNaN();
  });

  it('orders by size and not by text', () => {
    expect(median([10, 9, 100])).toBe(10);
  });

  it('is never outside of what it is of, and leaves at most the rest above it', () => {
    const numbers = fc.array(fc.double({ noNaN: true, min: 0, max: 1e9 }), { minLength: 1 });
    fc.assert(
      fc.property(numbers, fc.double({ min: 0.01, max: 1, noNaN: true }), (all, q) => {
        const found = quantile(all, q);
        expect(all).toContain(found);
        expect(all.filter((number) => number > found).length).toBeLessThanOrEqual(
          all.length * (1 - q) + 1e-6,
        );
      }),
    );
  });

  it('has its spread', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  });
});

describe('a histogram', () => {
  const infinity = Number.POSITIVE_INFINITY;
  const before = new Map([
    [0.1, 50],
    [1, 50],
    [infinity, 50],
  ]);

  it('counts what came between two looks', () => {
    const after = new Map([
      [0.1, 60],
      [1, 70],
      [infinity, 71],
    ]);
    expect([...bucketsBetween(before, after).values()]).toEqual([10, 20, 21]);
    expect(bucketsBetween(new Map(), after)).toEqual(after);
  });

  it('is linear within a bucket, and ends at its last finite bound', () => {
    const buckets = new Map([
      [0.1, 10],
      [0.3, 20],
      [infinity, 25],
    ]);
    expect(quantileOfBuckets(buckets, 0.2)).toBeCloseTo(0.05);
    expect(quantileOfBuckets(buckets, 0.6)).toBeCloseTo(0.2);
    expect(quantileOfBuckets(buckets, 0.99)).toBe(0.3);
  });

  it('of nothing is unknown', () => {
    expect(quantileOfBuckets(bucketsBetween(before, before), 0.5)).toBeNaN();
    expect(quantileOfBuckets(new Map(), 0.5)).toBeNaN();
  });
});
