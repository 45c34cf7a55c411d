/**
 * Counts the answers of one run. Rate and latencies are of the answers that did what was asked: a refusal is
 * quick, and would make an overloaded server look fast. Refusals are counted and timed by themselves.
 */
import { quantileOfSorted } from '../statistics.ts';
import type { LoadReport } from './plan.ts';

/** What the generator itself cost. */
type Cost = Pick<LoadReport, 'cpuMicros' | 'cores'>;

export class Tally {
  readonly #fromMs: number;
  readonly #untilMs: number;
  readonly #latencies = new Samples();
  readonly #sinceSent = new Samples();
  readonly #late = new Samples();
  readonly #refusedLatencies = new Samples();
  readonly #refusals = new Map<number, number>();
  #okInTime = 0;
  #ok = 0;

  /** Measured is what was due, or for a closed loop answered, in this time; the rest is warm-up. */
  constructor(fromMs: number, untilMs: number) {
    this.#fromMs = fromMs;
    this.#untilMs = untilMs;
  }

  /**
   * An answer came now; it took so long since its request was due (in a closed loop, sent), and since it was
   * sent. `at` decides whether it is measured.
   */
  answered(status: number, nowMs: number, tookMs: number, sinceSentMs: number, at: number): void {
    const isMeasured = this.#isMeasured(at);
    if (status < 200 || status > 299) {
      this.#refusals.set(status, (this.#refusals.get(status) ?? 0) + 1);
      if (isMeasured) this.#refusedLatencies.push(sinceSentMs);
      return;
    }
    this.#ok += 1;
    if (this.#isMeasured(nowMs)) this.#okInTime += 1;
    if (!isMeasured) return;
    this.#latencies.push(tookMs);
    this.#sinceSent.push(sinceSentMs);
  }

  /** No answer came in this time. */
  unanswered(forMs: number, at: number): void {
    if (this.#isMeasured(at)) this.#latencies.push(forMs);
  }

  sentLate(ms: number, at: number): void {
    if (this.#isMeasured(at)) this.#late.push(ms);
  }

  report(unanswered: number, cost: Cost): LoadReport {
    const sorted = this.#latencies.sorted();
    const refused = this.#refusedLatencies.sorted();
    return {
      perSecond: (this.#okInTime / (this.#untilMs - this.#fromMs)) * 1000,
      p50Ms: quantileOfSorted(sorted, 0.5),
      p90Ms: quantileOfSorted(sorted, 0.9),
      p99Ms: quantileOfSorted(sorted, 0.99),
      p999Ms: quantileOfSorted(sorted, 0.999),
      maxMs: quantileOfSorted(sorted, 1),
      ok: this.#ok,
      refused: [...this.#refusals.values()].reduce((sum, count) => sum + count, 0),
      refusals: Object.fromEntries(this.#refusals),
      ...(refused.length > 0 && { refusedP99Ms: quantileOfSorted(refused, 0.99) }),
      unanswered,
      ...(this.#late.length > 0 && {
        lateP99Ms: quantileOfSorted(this.#late.sorted(), 0.99),
        sentP99Ms: quantileOfSorted(this.#sinceSent.sorted(), 0.99),
      }),
      ...cost,
    };
  }

  #isMeasured(at: number): boolean {
    return at >= this.#fromMs && at < this.#untilMs;
  }
}

const samplesAtFirst = 4096;

/** Numbers without a box around each of them. */
class Samples {
  length = 0;
  #numbers = new Float64Array(samplesAtFirst);

  push(number: number): void {
    if (this.length === this.#numbers.length) {
      const larger = new Float64Array(2 * this.length);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.length] = number;
    this.length += 1;
  }

  sorted(): Float64Array {
    return this.#numbers.slice(0, this.length).sort();
  }
}
