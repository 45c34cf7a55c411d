/**
 * Tells a burst, which a queue is there for, from a queue that stands: one in which most have been waiting
 * for longer than they should, for a while. A standing queue makes no request faster and none more, it only
 * makes all of them late; so only as many may join it as are served within the wait. (Controlled delay:
 * Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 2012; there all, here most, since callers leave
 * many at a time, and who comes right after them finds nobody.)
 *
 * Callers are served together, so a queue of up to `burstCallers` costs them little: it is left alone,
 * however slow those who serve are. It counts callers, not operations: a few that send many at a time are no
 * crowd.
 */

/** How long waits must have been too long, and how long nobody may be turned away before it is over. */
const standingMs = 500;
const burstCallers = 256;

export class StandingQueue {
  readonly #waitMs: number;
  /** Since when most that left had waited too long, and how many of them had and had not. */
  #lateSince: number | undefined;
  #late = 0;
  #onTime = 0;
  /** The queue stands; this is when it was found out, or when somebody was last turned away. */
  #heldAt: number | undefined;
  /** Callers that left last, and when; and how many leave in a millisecond. */
  #last: { callers: number; at: number } | undefined;
  #perMs = 0;

  /** `waitMs`: longest time that waiting should take while more comes than is served. */
  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  get stands(): boolean {
    return this.#heldAt !== undefined;
  }

  /** So many callers leave together, the first of whom came at `oldestAt`. Times: monotonic, milliseconds. */
  left(callers: number, oldestAt: number, now: number): void {
    if (this.#last !== undefined && now > this.#last.at) {
      const perMs = this.#last.callers / (now - this.#last.at);
      this.#perMs = this.#perMs === 0 ? perMs : (this.#perMs + perMs) / 2;
    }
    this.#last = { callers, at: now };
    if (now - oldestAt > this.#waitMs) {
      this.#lateSince ??= now;
      this.#late += callers;
    } else this.#onTime += callers;
    // A few that leave on time between many that don't have only met the moment after those had gone.
    if (this.#onTime >= this.#late) this.#forget();
    if (this.#lateSince !== undefined && now - this.#lateSince >= standingMs) this.#heldAt ??= now;
  }

  /** Whether somebody may join a queue that would then have so many callers. */
  admits(callers: number, now: number): boolean {
    if (this.#heldAt === undefined) return true;
    if (now - this.#heldAt >= standingMs) {
      this.#heldAt = undefined;
      this.#forget();
      return true;
    }
    if (callers <= Math.max(burstCallers, this.#perMs * this.#waitMs)) return true;
    this.#heldAt = now;
    return false;
  }

  #forget(): void {
    this.#lateSince = undefined;
    this.#late = 0;
    this.#onTime = 0;
  }
}
