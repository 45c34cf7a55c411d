/** Follower lag of a stretch of time, from the nodes' own histograms. */
import type { Lag } from '../report/run.ts';
import { type Buckets, bucketsBetween, quantileOfBuckets } from '../statistics.ts';

export function lagBetween(before: Buckets, after: Buckets): Lag {
  const buckets = bucketsBetween(before, after);
  const ms = (q: number): number => quantileOfBuckets(buckets, q) * 1000;
  return { p50Ms: ms(0.5), p99Ms: ms(0.99) };
}
