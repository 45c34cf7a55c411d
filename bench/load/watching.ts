/**
 * Many watchers in one process: each a connection to `GET /v1/watch` on a raw socket. Counts the changes that
 * come, and how old they are when they come: since the leader committed them, by the machine's clock, to the
 * millisecond.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { quantileOfSorted } from '../statistics.ts';
import { EventScanner } from './event-scanner.ts';

export interface WatchPlan {
  /** Connections take them by turns. */
  ports: readonly number[];
  prefix: string;
  watchers: number;
}

export interface WatchReport {
  /** Changes that came, over all watchers. */
  events: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  /** CPU time of this process as cores that it kept busy. */
  cores: number;
}

/** Connections that are opened at a time: a server takes only so many that it has not looked at yet. */
const openingMax = 100;
const readBytes = 64 * 1024;
const pollMs = 20;
const startOfAnswer = 'HTTP/1.1 200 ';
const readyMark = 'event: ready';

export class Watching {
  readonly #plan: WatchPlan;
  /** One for all: what is read is looked at before the next is. */
  readonly #buffer = Buffer.allocUnsafe(readBytes);
  readonly #sockets: Socket[] = [];
  #ages: number[] = [];
  #begun = { atMs: 0, cpu: process.cpuUsage() };
  #isClosing = false;

  constructor(plan: WatchPlan) {
    this.#plan = plan;
  }

  /** All watchers are told what comes from now on when it resolves. */
  async open(): Promise<void> {
    const { watchers } = this.#plan;
    for (let first = 0; first < watchers; first += openingMax) {
      const some = Array.from({ length: Math.min(openingMax, watchers - first) }, (_, i) => first + i);
      await Promise.all(some.map((number) => this.#watch(number)));
    }
    this.begin();
  }

  /** Counts from now on. */
  begin(): void {
    this.#ages = [];
    this.#begun = { atMs: performance.now(), cpu: process.cpuUsage() };
  }

  /** Waits for so many changes, but no longer than that; what came is told. */
  async report(events: number, waitMs: number): Promise<WatchReport> {
    const { atMs, cpu } = this.#begun;
    const untilMs = performance.now() + waitMs;
    while (this.#ages.length < events && performance.now() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    const { user, system } = process.cpuUsage(cpu);
    const cores = (user + system) / 1000 / (performance.now() - atMs);
    const sorted = Float64Array.from(this.#ages).sort();
    return {
      events: sorted.length,
      p50Ms: quantileOfSorted(sorted, 0.5),
      p99Ms: quantileOfSorted(sorted, 0.99),
      maxMs: quantileOfSorted(sorted, 1),
      cores,
    };
  }

  close(): void {
    this.#isClosing = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  async #watch(number: number): Promise<void> {
    const { ports, prefix } = this.#plan;
    const port = ports[number % ports.length] as number;
    const { promise: ready, resolve } = Promise.withResolvers<void>();
    const scanner = new EventScanner();
    let head: string | undefined = '';
    const callback = (length: number): boolean => {
      const chunk = this.#buffer.subarray(0, length);
      if (head !== undefined) {
        head += chunk.toString('latin1');
        if (!startOfAnswer.startsWith(head.slice(0, startOfAnswer.length))) {
          throw new Error(`Watcher ${number} was answered:\n${head}`);
        }
        if (head.includes(readyMark)) {
          head = undefined;
          resolve();
        }
      }
      this.#came(scanner.read(chunk));
      return true;
    };
    const onread = { buffer: this.#buffer, callback };
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread });
    this.#sockets.push(socket);
    socket.on('close', () => {
      if (!this.#isClosing) throw new Error(`The gateway at port ${port} ended watch ${number}`);
    });
    await once(socket, 'connect');
    socket.write(`GET /v1/watch?prefix=${encodeURIComponent(prefix)} HTTP/1.1\r\nhost: bench\r\n\r\n`);
    await ready;
  }

  #came(committedAtMs: readonly number[]): void {
    if (committedAtMs.length === 0) return;
    const nowMs = performance.timeOrigin + performance.now();
    for (const atMs of committedAtMs) this.#ages.push(nowMs - atMs);
  }
}
