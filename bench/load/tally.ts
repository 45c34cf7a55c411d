/** Counts the answers of one run; latencies of those that were measured. */
import { quantileOfSorted } from '../statistics.ts';
import type { LoadReport } from './plan.ts';

export class Tally {
  readonly #fromMs: number;
  readonly #untilMs: number;
  readonly #latencies: number[] = [];
  readonly #late: number[] = [];
  #answeredInTime = 0;
  #ok = 0;
  #refused = 0;

  /** Measured is what was due, or for a closed loop answered, in this time; the rest is warm-up. */
  constructor(fromMs: number, untilMs: number) {
    this.#fromMs = fromMs;
    this.#untilMs = untilMs;
  }

  answered(ok: boolean, nowMs: number): void {
    if (ok) this.#ok += 1;
    else this.#refused += 1;
    if (this.#isMeasured(nowMs)) this.#answeredInTime += 1;
  }

  /** `at` decides whether it is measured. */
  took(ms: number, at: number): void {
    if (this.#isMeasured(at)) this.#latencies.push(ms);
  }

  sentLate(ms: number, at: number): void {
    if (this.#isMeasured(at)) this.#late.push(ms);
  }

  report(unanswered: number, cpuMicros: number): LoadReport {
    const sorted = Float64Array.from(this.#latencies).sort();
    const late = Float64Array.from(this.#late).sort();
    return {
      perSecond: (this.#answeredInTime / (this.#untilMs - this.#fromMs)) * 1000,
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
