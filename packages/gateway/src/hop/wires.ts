/**
 * The connections to one node: as many as are needed at a time up to a bound, and kept for a while. The one
 * that was used last goes first, so that those of a rush close again. What finds none free waits for one.
 */
import { NotConnected, Wire, type WireRequest } from './wire.ts';

export interface WiresOptions {
  connectTimeoutMs: number;
  connectionsMax: number;
}

/** Longest time that an idle connection is kept: well below the 75 s of the nodes, so that we close first. */
const idleTimeoutMs = 30_000;
/** How often time-outs are looked at: their precision. A timer for each request would cost more than it. */
const sweepMs = 50;

export class Wires {
  readonly #url: URL;
  readonly #options: WiresOptions;
  readonly #all = new Set<Wire>();
  readonly #idle: Wire[] = [];
  /** For want of a free connection. */
  readonly #waiting: WireRequest[] = [];
  readonly #sweeps: NodeJS.Timeout;
  #onEmpty: (() => void) | undefined;

  constructor(url: string, options: WiresOptions) {
    this.#url = new URL(url);
    this.#options = options;
    this.#sweeps = setInterval(() => this.#sweep(performance.now()), sweepMs).unref();
  }

  send(request: WireRequest): void {
    const isClosing = this.#onEmpty !== undefined;
    const wire = isClosing ? undefined : (this.#idle.pop() ?? this.#opened());
    if (wire !== undefined) wire.send(request);
    else if (isClosing) request.settle(new NotConnected('closing'));
    else this.#waiting.push(request);
  }

  /** Lets what is under way end; what waits for a connection is not sent. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    for (const request of this.#waiting.splice(0)) request.settle(new NotConnected('closing'));
    for (const wire of this.#idle.splice(0)) wire.close();
    if (this.#all.size > 0) await closed;
    clearInterval(this.#sweeps);
  }

  #opened(): Wire | undefined {
    if (this.#all.size >= this.#options.connectionsMax) return undefined;
    const connectBy = performance.now() + this.#options.connectTimeoutMs;
    const wire = new Wire(this.#url, connectBy, this.#ended);
    this.#all.add(wire);
    return wire;
  }

  readonly #ended = (wire: Wire, isKept: boolean): void => {
    if (!isKept) this.#gone(wire);
    else if (this.#onEmpty !== undefined) wire.close();
    else this.#free(wire);
  };

  #free(wire: Wire): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      wire.idleSince = performance.now();
      this.#idle.push(wire);
    } else wire.send(next);
  }

  #gone(wire: Wire): void {
    this.#all.delete(wire);
    const at = this.#idle.indexOf(wire);
    if (at >= 0) this.#idle.splice(at, 1);
    const next = this.#waiting.shift();
    if (next !== undefined) this.send(next);
    if (this.#all.size === 0) this.#onEmpty?.();
  }

  #sweep(now: number): void {
    for (const wire of this.#all) wire.sweep(now);
    while (this.#idle[0] !== undefined && now - this.#idle[0].idleSince > idleTimeoutMs)
      this.#idle[0].close();
    for (const request of this.#waiting.splice(0)) {
      if (now < request.deadlineAt) this.#waiting.push(request);
      else request.settle(new NotConnected('no connection was free in time'));
    }
  }
}
