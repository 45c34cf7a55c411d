/** Time that a test moves on: timers fire in their order, and what they begin gets its turns in between. */
import { Clock } from '@driftless/runtime';

interface Timer {
  at: number;
  order: number;
  work: () => void;
}

/** Turns that promises get after each timer: more than any chain of awaits here is long. */
const turnsAfterTimer = 40;

export class FakeClock extends Clock {
  /** Wall clock at the start: an arbitrary midnight, UTC. */
  readonly wallStart = Date.UTC(2026, 0, 1);
  #now = 0;
  #order = 0;
  #timers: Timer[] = [];

  monotonic(): number {
    return this.#now;
  }

  wall(): number {
    return this.wallStart + this.#now;
  }

  after(ms: number, work: () => void): () => void {
    this.#order += 1;
    const timer = { at: this.#now + ms, order: this.#order, work };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  every(ms: number, work: () => void): () => void {
    let callOff: () => void;
    const again = (): void => {
      callOff = this.after(ms, again);
      work();
    };
    callOff = this.after(ms, again);
    return () => callOff();
  }

  soon(work: () => void): void {
    this.after(0, work);
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const [next] = this.#timers.toSorted((a, b) => a.at - b.at || a.order - b.order);
      if (!next || next.at > end) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.#now = Math.max(this.#now, next.at);
      next.work();
      await settle();
    }
    this.#now = end;
    await settle();
  }

  /** Moves on until the condition holds; throws when it never does. */
  async until(what: string, condition: () => boolean, withinMs = 120_000): Promise<void> {
    const deadline = this.#now + withinMs;
    while (!condition()) {
      if (this.#now >= deadline) throw new Error(`waited ${withinMs} ms of virtual time in vain for ${what}`);
      await this.advance(10);
    }
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < turnsAfterTimer; i += 1) await Promise.resolve();
}
