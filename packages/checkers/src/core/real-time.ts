/**
 * Real-time order. Of two operations only one thing is certain: when the first ended before the second began,
 * it came first. Whatever overlaps may have happened in either order.
 */

export interface Span {
  readonly invokedAt: number;
  /** `Infinity` when it may take effect at any later time. */
  readonly endedAt: number;
}

export function endedBefore(a: Span, b: Span): boolean {
  return a.endedAt < b.invokedAt;
}

/**
 * Judges each of `later` in the order of its beginning; before that, `learn` has been given all of `earlier`
 * that had ended by then, in the order of their ends. O(n log n).
 */
export function inRealTime<Earlier extends Span, Later extends Span>(
  earlier: readonly Earlier[],
  later: readonly Later[],
  { learn, judge }: { learn: (item: Earlier) => void; judge: (item: Later) => void },
): void {
  const byEnd = [...earlier].sort((a, b) => compareTimes(a.endedAt, b.endedAt));
  const byStart = [...later].sort((a, b) => compareTimes(a.invokedAt, b.invokedAt));
  let learned = 0;
  for (const item of byStart) {
    for (let next = byEnd[learned]; next && endedBefore(next, item); next = byEnd[learned]) {
      learn(next);
      learned += 1;
    }
    judge(item);
  }
}

/** A difference would be NaN for two infinities. */
export function compareTimes(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
