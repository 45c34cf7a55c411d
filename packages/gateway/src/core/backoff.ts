/**
 * Back-off with "equal jitter" (Brooker, AWS Architecture Blog, 2015): it doubles up to a bound, half of it
 * fixed so that a retry is never immediate, half at random so that clients of a failed leader don't come back
 * in step.
 */

export interface Backoff {
  /** Before the first retry, milliseconds. */
  firstMs: number;
  /** Bound, milliseconds. */
  maxMs: number;
}

/** Milliseconds before retry number `attempt` (from 1), by a `random` number in [0, 1). */
export function backoffMs({ firstMs, maxMs }: Backoff, attempt: number, random: number): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return full / 2 + (full / 2) * random;
}
