/** Reads that wait until the replica's position has come far enough. */

import type { Clock } from '@driftless/runtime';

/** Most reads that wait on one replica. */
const waitsMax = 10_000;

export class Arrivals {
  readonly #clock: Clock;
  readonly #waits = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves with whether `isThere` became true in time; looks again whenever the replica moves. */
  until(isThere: () => boolean, timeoutMs: number): Promise<boolean> {
    if (isThere()) return Promise.resolve(true);
    if (timeoutMs <= 0 || this.#waits.size >= waitsMax) return Promise.resolve(false);
    return new Promise((resolve) => {
      const end = (): void => {
        callOff();
        this.#waits.delete(look);
        resolve(isThere());
      };
      const look = (): void => {
        if (isThere()) end();
      };
      const callOff = this.#clock.after(timeoutMs, end);
      this.#waits.add(look);
    });
  }

  /** The replica's position is another one. */
  moved(): void {
    for (const look of this.#waits) look();
  }
}
