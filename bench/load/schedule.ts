/**
 * The schedule of an open loop: arrivals at even distances, fixed before the first answer. A server that
 * stops for a second does not stop them: those that come in that second wait, and their wait counts. (A
 * closed loop would send nothing in that second, and so measure it once: coordinated omission.)
 */
export class Schedule {
  readonly #startMs: number;
  readonly #everyMs: number;
  /** Arrivals of the whole run. */
  readonly count: number;

  constructor(startMs: number, durationMs: number, perSecond: number) {
    this.#startMs = startMs;
    this.#everyMs = 1000 / perSecond;
    this.count = Math.floor(durationMs / this.#everyMs);
  }

  /** When the arrival of this number (0, 1, …) is due. */
  dueMs(number: number): number {
    return this.#startMs + number * this.#everyMs;
  }

  /** How many are due by now. */
  dueBy(nowMs: number): number {
    if (nowMs < this.#startMs) return 0;
    return Math.min(this.count, Math.floor((nowMs - this.#startMs) / this.#everyMs) + 1);
  }
}
