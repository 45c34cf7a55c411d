/**
 * Counts the answers of one run. Rate and latencies are of the answers that did what was asked: a refusal is
 * quick, and would make an overloaded server look fast.
 */
import { quantileOfSorted } from '../statistics.ts';
import type { LoadReport } from './plan.ts';

export class Tally {
  readonly #fromMs: number;
  readonly #untilMs: number;
  readonly #latencies: number[] = [];
  readonly #late: number[] = [];
  #okInTime = 0;
  #ok = 0;
  #refused = 0;

  /** Measured is what was due, or for a closed loop answered, in this time; the rest is warm-up. */
  constructor(fromMs: number, untilMs: number) {
    this.#fromMs = fromMs;
    this.#untilMs = untilMs;
  }

  /** An answer came now, and took so long; `at` decides whether its latency is measured. */
  answered(ok: boolean, nowMs: number, tookMs: number, at: number): void {
    if (!ok) {
      this.#refused += 1;
      return;
    }
    this.#ok += 1;
    if (this.#isMeasured(nowMs)) this.#okInTime += 1;
    if (this.#isMeasured(at)) this.#latencies.push(tookMs);
  }

  /** No answer came in this time. */
  unanswered(forMs: number, at: number): void {
    if (this.#isMeasured(at)) this.#latencies.push(forMs);
  }

  sentLate(ms: number, at: number): void {
    if (this.#isMeasured(at)) this.#late.push(ms);
  }

  report(unanswered: number, cpuMicros: number): LoadReport {
    const sorted = Float64Array.from(this.#latencies).sort();
    const late = Float64Array.from(this.#late).sort();
    return {
      perSecond: (this.#okInTime / (this.#untilMs - this.#fromMs)) * 1000,
      p50Ms: quantileOfSorted(sorted, 0.5),
      p90Ms: quantileOfSorted(sorted, 0.9),
      p99Ms: quantileOfSorted(sorted, 0.99),
      p999Ms: quantileOfSorted(sorted, 0.999),
      maxMs: quantileOfSorted(sorted, 1),
      ok: this.#ok,
      refused: this.#refused,
      unanswered,
      ...(late.length > 0 && { lateP99Ms: quantileOfSorted(late, 0.99) }),
      cpuMicros,
    };
  }

  #isMeasured(at: number): boolean {
    return at >= this.#fromMs && at < this.#untilMs;
  }
}
