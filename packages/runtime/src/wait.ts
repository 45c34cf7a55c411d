/** Waiting for a condition with a deadline: the only way that tests, scripts and `up` wait for anything. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitUntilOptions {
  readonly timeoutMs: number;
  /** Pause between two looks. Default 50 ms. */
  readonly intervalMs?: number | undefined;
  /** What is waited for, a noun phrase: "node-2 to be ready". */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
}

const INTERVAL_MS_DEFAULT = 50;

/**
 * Resolves with the first truthy value of `condition`. A condition that throws counts as not met yet; what
 * it threw last becomes the `cause` of the error that ends the waiting.
 */
export async function waitUntil<T>(
  condition: () => T | Promise<T>,
  { timeoutMs, intervalMs = INTERVAL_MS_DEFAULT, what, signal }: WaitUntilOptions,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      cause = error;
    }
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) throw new Error(`waited ${timeoutMs} ms in vain for ${what}${reason(cause)}`, { cause });
    await sleep(Math.min(intervalMs, leftMs), undefined, signal === undefined ? {} : { signal });
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error ? ` (last error: ${cause.message})` : '';
}
