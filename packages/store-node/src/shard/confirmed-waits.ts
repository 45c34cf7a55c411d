/**
 * Who waits for the log to be confirmed further: gateways that follow it. A wait costs a timer and nothing
 * else until the stream confirms more; how many there may be is bounded, because each holds a connection.
 */
import { DriftlessError } from '@driftless/contracts';
import type { Clock } from '@driftless/runtime';

/**
 * Requests that may wait for one replica's log at a time: a gateway needs one, and one a watcher that
 * catches up.
 */
const confirmedWaitsMax = 256;

interface Wait {
  afterSeq: number;
  end(): void;
}

export class ConfirmedWaits {
  readonly #clock: Clock;
  readonly #waits = new Set<Wait>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waits.size;
  }

  /** The log is confirmed up to `seq`. */
  reached(seq: number): void {
    for (const wait of this.#waits) if (seq > wait.afterSeq) wait.end();
  }

  /**
   * Resolves when more than `afterSeq` is confirmed, after `ms`, or when `signal` aborts. Throws
   * `overloaded`.
   */
  wait(afterSeq: number, ms: number, signal: AbortSignal): Promise<void> {
    if (this.#waits.size >= confirmedWaitsMax) {
      throw new DriftlessError('overloaded', 'Too many requests wait for the log of this replica.');
    }
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        callOff();
        signal.removeEventListener('abort', end);
        this.#waits.delete(wait);
        resolve();
      };
      const wait = { afterSeq, end };
      const callOff = this.#clock.after(ms, end);
      signal.addEventListener('abort', end);
      this.#waits.add(wait);
    });
  }
}
