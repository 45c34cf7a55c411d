/**
 * Port: time. Whatever waits, or asks what time it is, does it here, so that a simulation can own time: in
 * it no real timer fires, and an hour passes as fast as what happens in it can be computed.
 *
 * `soon` is no time at all but a turn: other work that is due goes first.
 */
export abstract class Clock {
  /** Milliseconds that only grow; for durations. */
  abstract monotonic(): number;
  /** Milliseconds since the Unix epoch; for people, and for expiry. */
  abstract wall(): number;
  /** Calls `work` once, after `ms`; the function returned calls it off. */
  abstract after(ms: number, work: () => void): () => void;
  /** Calls `work` every `ms` until the function returned is called. Keeps no process alive. */
  abstract every(ms: number, work: () => void): () => void;
  /** Calls `work` when other work that is due had its turn. */
  abstract soon(work: () => void): void;

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Gives way to other work that is due. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.soon(resolve));
  }
}

class SystemClock extends Clock {
  monotonic(): number {
    return performance.now();
  }

  wall(): number {
    return Date.now();
  }

  after(ms: number, work: () => void): () => void {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  }

  every(ms: number, work: () => void): () => void {
    const timer = setInterval(work, ms).unref();
    return () => clearInterval(timer);
  }

  soon(work: () => void): void {
    setImmediate(work);
  }
}

export const systemClock: Clock = new SystemClock();
