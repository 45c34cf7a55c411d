/** Medians, quantiles, and what a few rounds say about their own noise. */

export function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5);
}

/** The smallest that at least this part is not above; NaN of nothing. */
export function quantile(numbers: readonly number[], q: number): number {
  return quantileOfSorted(Float64Array.from(numbers).sort(), q);
}

export function quantileOfSorted(sorted: Float64Array, q: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)] ?? Number.NaN;
}

/** Of a few rounds: their median, and the smallest and largest as noise. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

export function spreadOf(numbers: readonly number[]): Spread {
  return { median: median(numbers), min: Math.min(...numbers), max: Math.max(...numbers) };
}

/** Counts of a histogram as Prometheus has them: upper bound → how many are not above it. */
export type Buckets = ReadonlyMap<number, number>;

/** What came between two looks at a histogram; bounds that were not there before counted from 0. */
export function bucketsBetween(before: Buckets, after: Buckets): Buckets {
  return new Map([...after].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)]));
}

/**
 * Linear within a bucket, as PromQL's `histogram_quantile`; the last finite bound when it lies beyond, NaN
 * of nothing.
 */
export function quantileOfBuckets(buckets: Buckets, q: number): number {
  const bounds = [...buckets.keys()].sort((a, b) => a - b);
  const wanted = q * (buckets.get(Number.POSITIVE_INFINITY) ?? 0);
  if (wanted === 0) return Number.NaN;
  let [lower, below] = [0, 0];
  for (const bound of bounds) {
    const upTo = buckets.get(bound) ?? 0;
    if (upTo >= wanted) {
      if (!Number.isFinite(bound)) return lower;
      return lower + ((bound - lower) * (wanted - below)) / Math.max(1, upTo - below);
    }
    [lower, below] = [bound, upTo];
  }
  return Number.NaN;
}
