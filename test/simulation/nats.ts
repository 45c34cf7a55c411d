/**
 * NATS as a simulation has it: the servers in memory (store-node/jetstream/memory.ts), and a link to them for
 * each process, on which calls, answers, messages and news take their time, stall, or are lost. What one link
 * carries it carries in order, as TCP does, unless a fault says otherwise.
 */
import type { Lease, RoundLease } from '@driftless/contracts';
import { type Cells, MemoryCells } from '@driftless/runtime';
import {
  type Bus,
  type ConsumeOptions,
  type EventStream,
  type LeaseStore,
  MemoryNats,
  type StreamMessage,
  Unanswered,
} from '@driftless/store-node/simulation';
import type { Random } from '../harness/random.ts';
import type { Process, World } from './world.ts';

/** One way through a link, milliseconds. */
const delayMs = { least: 0.1, most: 1.5 };
/** How long the client waits for an answer, where the adapter names no time of its own, milliseconds. */
const answerMs = 5000;
/** Time until a client knows that a link without a word is broken, and until it is back, milliseconds. */
const noticeMs = { least: 2000, most: 6000 };
const reconnectMs = { least: 50, most: 1000 };

/** Everything that can be wrong with a link while a fault lasts; 0 is well. */
export interface LinkFaults {
  loseAnswer: number;
  loseRequest: number;
  slowMs: number;
  drop: number;
  duplicate: number;
  reorder: number;
  loseAck: number;
  /** News of leases that are not told. */
  loseLease: number;
}
const well: LinkFaults = {
  loseAnswer: 0,
  loseRequest: 0,
  slowMs: 0,
  drop: 0,
  duplicate: 0,
  reorder: 0,
  loseAck: 0,
  loseLease: 0,
};

export class SimNats {
  readonly memory: MemoryNats;
  /** The bucket of anti-entropy's round leases. */
  readonly roundLeases = new MemoryCells<RoundLease>();
  readonly world: World;
  readonly links = new Map<string, Link>();
  isUp = true;

  constructor(world: World, ackPendingMax: number) {
    this.world = world;
    this.memory = new MemoryNats({
      schedule: (task, node) => this.links.get(node)?.receive(task),
      ackPendingMax,
    });
  }

  /** The connection of a process; another one of the same name is gone. */
  connect(process: Process): Link {
    const before = this.links.get(process.name);
    before?.close();
    const link = new Link(this, process);
    // A fault of the machine's network is not gone because a process began anew.
    if (before) Object.assign(link.faults, before.faults);
    this.links.set(process.name, link);
    this.memory.setReachable(process.name, this.isUp && !(before?.isCut ?? false));
    link.isUp = this.isUp && !(before?.isCut ?? false);
    link.isCut = before?.isCut ?? false;
    return link;
  }

  stop(): void {
    this.isUp = false;
    for (const link of this.links.values()) link.break(0);
  }

  start(): void {
    this.isUp = true;
    for (const link of this.links.values()) link.mend();
  }

  /** The buckets of all leases are lost. */
  loseLeases(): void {
    this.memory.deleteLeases();
    this.roundLeases.wipe();
  }

  /** News to whoever listens. */
  tell(subject: string, text: string): void {
    for (const link of this.links.values()) link.hear(subject, text);
  }
}

export class Link {
  readonly process: Process;
  readonly faults: LinkFaults = { ...well };
  readonly #nats: SimNats;
  readonly #random: Random;
  /** Cut by a fault that still lasts. */
  isCut = false;
  isUp = true;
  /** What the client believes. */
  #seemsUp = true;
  /** Grows when the connection breaks: what it carried is gone. */
  #connection = 0;
  #arrivedAt = 0;
  #returnedAt = 0;
  #stalledUntil = 0;
  /** Written by the client while it was broken: some clients' libraries send it when they are back. */
  #held: (() => void)[] = [];
  readonly #listeners: { pattern: RegExp; onMessage: (message: unknown, subject: string) => void }[] = [];
  readonly #onConnected: (() => void)[] = [];
  readonly #stops: (() => void)[] = [];

  constructor(nats: SimNats, process: Process) {
    this.#nats = nats;
    this.process = process;
    this.#random = nats.world.random.fork(`link ${process.name} ${nats.world.now}`);
  }

  close(): void {
    this.#connection += 1;
    this.isUp = false;
    for (const stop of this.#stops) stop();
  }

  /** The connection breaks; the client notices after `ms`, or by the silence. */
  break(ms?: number): void {
    if (!this.isUp) return;
    this.isUp = false;
    this.#connection += 1;
    this.#nats.memory.setReachable(this.process.name, false);
    const connection = this.#connection;
    const notice = ms ?? this.#random.between(noticeMs.least, noticeMs.most);
    this.#nats.world.after(notice, () => {
      if (connection === this.#connection && !this.isUp) this.#seemsUp = false;
    });
  }

  /** The way is free again: the client comes back after a moment. */
  mend(): void {
    const connection = this.#connection;
    this.#nats.world.after(this.#random.between(reconnectMs.least, reconnectMs.most), () => {
      if (connection !== this.#connection || this.isUp || this.isCut || !this.#nats.isUp) return;
      if (this.#nats.links.get(this.process.name) !== this) return;
      this.isUp = true;
      this.#seemsUp = true;
      this.#nats.memory.setReachable(this.process.name, true);
      for (const task of this.#held.splice(0)) this.#send(task);
      for (const listener of this.#onConnected) this.#later(listener);
    });
  }

  /** Nothing passes for a while, and then all of it, in order. */
  stall(ms: number): void {
    this.#stalledUntil = this.#nats.world.now + ms;
  }

  #passes(last: number, from: number): number {
    const least = delayMs.least + this.faults.slowMs * this.#random.next();
    const delay = least + this.#random.next() * delayMs.most;
    return Math.max(from + delay, last, this.#stalledUntil);
  }

  /** The task runs at the server, in the order of what this link sends. */
  #send(task: () => void): void {
    const { world } = this.#nats;
    if (!this.isUp) {
      if (this.#random.chance(0.5)) this.#held.push(task);
      return;
    }
    const connection = this.#connection;
    // What was on its way when the connection broke may have arrived.
    const arrives = this.#random.chance(0.5);
    this.#arrivedAt = this.#passes(this.#arrivedAt, this.process.now);
    world.at(this.#arrivedAt, () => {
      if (this.#nats.isUp && (connection === this.#connection || arrives)) task();
    });
  }

  /** The task runs at the client, in the order of what this link brings. */
  receive(task: () => void): void {
    if (!this.isUp) return;
    const connection = this.#connection;
    this.#returnedAt = this.#passes(this.#returnedAt, this.#nats.world.now);
    this.#nats.world.at(
      this.#returnedAt,
      () => {
        if (connection === this.#connection) task();
      },
      this.process,
    );
  }

  #later(task: () => void): void {
    this.#nats.world.after(0, task, this.process);
  }

  /** A call: `work` is done at the server. It may be lost on the way, or its answer. */
  #call<T>(timeoutMs: number, work: () => Promise<T>): Promise<T> {
    const { process } = this;
    return new Promise((resolve, reject) => {
      process.boundary();
      let isOver = false;
      const callOff = process.clock.after(timeoutMs, () => end(() => reject(new Unanswered('No answer.'))));
      const end = (settle: () => void): void => {
        if (isOver || !process.isAlive) return;
        isOver = true;
        callOff();
        settle();
      };
      const losesAnswer = this.#random.chance(this.faults.loseAnswer);
      if (!this.#random.chance(this.faults.loseRequest)) {
        this.#send(() => {
          const settled = work();
          if (losesAnswer) settled.catch(() => undefined);
          else
            settled.then(
              (answer) => end(() => resolve(answer)),
              (error) => end(() => reject(error)),
            );
        });
      }
      process.boundary();
    });
  }

  /** A shard's stream; `publishTimeoutMs` as the adapter of JetStream has it. */
  stream(shard: number, publishTimeoutMs: number): EventStream {
    const stream = this.#nats.memory.stream(shard, this.process.name);
    return {
      pipelines: true,
      ensure: () => this.#call(answerMs, () => stream.ensure()),
      publish: (publish) => this.#call(publishTimeoutMs, () => stream.publish(publish)),
      end: () => this.#call(answerMs, () => stream.end()),
      consume: (options) => this.#call(answerMs, () => stream.consume(this.#readerOf(options))),
      forget: () => this.#call(answerMs, () => stream.forget()),
    };
  }

  /** Whoever consumes, behind this link and its faults. */
  #readerOf({ fromStreamSeq, onMessage, onEnd }: ConsumeOptions): ConsumeOptions {
    const { process, faults } = this;
    const give = (message: StreamMessage): void => {
      if (process.isAlive) onMessage({ ...message, ack: () => this.#ack(message) });
    };
    return {
      fromStreamSeq,
      onEnd: (error) => process.isAlive && onEnd(error),
      onMessage: (message) => {
        if (this.#random.chance(faults.drop)) return;
        if (this.#random.chance(faults.duplicate)) this.#nats.world.after(5, () => give(message), process);
        const isLate = this.#random.chance(faults.reorder);
        if (isLate) this.#nats.world.after(this.#random.between(1, 300), () => give(message), process);
        else give(message);
      },
    };
  }

  #ack(message: StreamMessage): void {
    this.process.boundary();
    if (!this.#random.chance(this.faults.loseAck)) this.#send(() => message.ack());
  }

  leases(shardCount: number, writeTimeoutMs: number): LeaseStore {
    const leases = this.#nats.memory.leases(this.process.name, shardCount);
    return {
      read: (shard) => this.#call(answerMs, () => leases.read(shard)),
      write: (shard: number, lease: Lease, revision: number) =>
        this.#call(writeTimeoutMs, () => leases.write(shard, lease, revision)),
      watch: (onLease) => {
        const begin = (): void => {
          const told: typeof onLease = (shard, seen) => {
            if (this.process.isAlive && !this.#random.chance(this.faults.loseLease)) onLease(shard, seen);
          };
          void leases.watch(told).then(({ stop }) => this.#stops.push(stop));
        };
        if (this.isUp) begin();
        else this.#onConnected.push(once(begin));
        return Promise.resolve({ stop: () => undefined });
      },
    };
  }

  /** A bucket of cells. */
  cells<Value>(bucket: MemoryCells<Value>, timeoutMs: number): Cells<Value> {
    const cells = bucket.as(this.process.name);
    return {
      read: (key) => this.#call(timeoutMs, () => cells.read(key)),
      write: (key, value, revision) => this.#call(timeoutMs, () => cells.write(key, value, revision)),
    };
  }

  get bus(): Bus {
    return {
      isConnected: () => this.#seemsUp,
      onConnected: (listener) => void this.#onConnected.push(listener),
      publish: (subject, message) => {
        this.process.boundary();
        if (!this.#seemsUp || this.#random.chance(this.faults.loseRequest)) return;
        const text = JSON.stringify(message);
        this.#send(() => this.#nats.tell(subject, text));
      },
      subscribe: (pattern, onMessage) => {
        const expression = `^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^.]+')}$`;
        this.#listeners.push({ pattern: new RegExp(expression), onMessage });
      },
      serverVersion: undefined,
    };
  }

  hear(subject: string, text: string): void {
    for (const { pattern, onMessage } of this.#listeners) {
      if (pattern.test(subject)) this.receive(() => onMessage(JSON.parse(text), subject));
    }
  }
}

function once(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) work();
    isDone = true;
  };
}
