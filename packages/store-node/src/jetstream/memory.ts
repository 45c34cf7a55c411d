/**
 * NATS in memory, as far as the ports need it: streams with fence, message ids and durable consumers, and
 * the bucket of the leases. For tests and for the simulator: no timers, no randomness. What JetStream does
 * by itself after a while (giving out again what was not acked) and everything that can go wrong are
 * methods here, called when the test wants.
 *
 * Requests are carried out at once, in the order they are made. Answers, messages and news go through
 * `schedule`, in order; the simulator gives its own, and so decides when each arrives.
 */
import type { Lease } from '@driftless/contracts';
import { isBrokenBy } from '../core/mutants.ts';
import type { BatchName, StreamEnd } from '../core/outbox.ts';
import {
  type ConsumeOptions,
  type Consumption,
  type EventStream,
  FenceRefused,
  type LeaseStore,
  Missing,
  type Publish,
  type SeenRevision,
  Unanswered,
} from './port.ts';

export interface MemoryNatsOptions {
  /** Runs a task later; tasks for one node in the order given. Default: as a microtask. */
  schedule?: (task: () => void, node: string) => void;
  /** Messages given out to a consumer and not acked. */
  ackPendingMax?: number;
}

interface Message extends Omit<Publish, 'expectedStreamSeq' | 'after'> {
  streamSeq: number;
  id: string;
}

interface Consumer {
  /** Next sequence to give out. */
  next: number;
  /** Given out and not acked. */
  readonly pending: Set<number>;
  /** Whoever consumes at the moment. */
  reader: ConsumeOptions | undefined;
}

interface Stream {
  createdAt: string;
  messages: Message[];
  lastSeq: number;
  /** Id of the last message stored; the message may be gone. */
  lastId: string;
  readonly ids: Map<string, number>;
  readonly consumers: Map<string, Consumer>;
}

/** What is lost of a node's next call. */
export type Loss = 'request' | 'answer';

export class MemoryNats {
  readonly #schedule: (task: () => void, node: string) => void;
  readonly #ackPendingMax: number;
  readonly #streams = new Map<number, Stream>();
  readonly #leases = new Map<number, SeenRevision>();
  readonly #watchers = new Map<(shard: number, seen: SeenRevision) => void, string>();
  readonly #losses = new Map<string, Loss[]>();
  readonly #away = new Set<string>();
  #streamsMade = 0;
  #revision = 0;

  constructor({ schedule = queueMicrotask, ackPendingMax = 128 }: MemoryNatsOptions = {}) {
    this.#schedule = schedule;
    this.#ackPendingMax = ackPendingMax;
  }

  /** A shard's stream, as a node sees it. */
  stream(shard: number, node: string): EventStream {
    return {
      pipelines: true,
      ensure: () => this.#call(node, () => this.#ensure(shard)),
      publish: (publish) => this.#call(node, () => this.#publish(shard, publish)),
      end: () => this.#call(node, () => this.#end(shard)),
      consume: (options) => this.#call(node, () => this.#consume(shard, node, options)),
      forget: () => this.#call(node, () => void this.#streams.get(shard)?.consumers.delete(node)),
    };
  }

  /** The bucket of the leases of `shardCount` shards, as a node sees it. */
  leases(node: string, shardCount: number): LeaseStore {
    return {
      read: (shard) => this.#call(node, () => this.#lease(shard)),
      write: (shard, lease, revision) => this.#call(node, () => this.#writeLease(shard, lease, revision)),
      watch: (onLease) => this.#call(node, () => this.#watch(node, shardCount, onLease)),
    };
  }

  /** The next calls of a node lose, one after the other, their requests or their answers. */
  lose(node: string, ...losses: Loss[]): void {
    this.#losses.set(node, [...(this.#losses.get(node) ?? []), ...losses]);
  }

  /** From now on, or until now, nothing gets from a node to NATS or back. */
  setReachable(node: string, reachable: boolean): void {
    if (reachable) this.#away.delete(node);
    else this.#away.add(node);
    if (!reachable) return;
    for (const [onLease, watcher] of this.#watchers) if (watcher === node) this.#tellAll(onLease, node);
    for (const [shard, { consumers }] of this.#streams) if (consumers.has(node)) this.#deliver(shard, node);
  }

  /** The time for acks passes: what was given out and not acked is given out again. */
  giveOutAgain(shard: number): void {
    const stream = this.#streams.get(shard);
    for (const [node, consumer] of stream?.consumers ?? []) {
      for (const streamSeq of consumer.pending) {
        const isThere = stream?.messages.some((message) => message.streamSeq === streamSeq);
        if (isThere) this.#give(shard, node, consumer, streamSeq);
        else consumer.pending.delete(streamSeq);
      }
      this.#deliver(shard, node);
    }
  }

  deleteConsumer(shard: number, node: string): void {
    const stream = this.#found(shard);
    const consumer = stream.consumers.get(node);
    stream.consumers.delete(node);
    this.#endReader(consumer, node, new Missing('The consumer was deleted.'));
  }

  deleteStream(shard: number): void {
    const { consumers } = this.#found(shard);
    this.#streams.delete(shard);
    for (const [node, consumer] of consumers) {
      this.#endReader(consumer, node, new Missing('The stream was deleted.'));
    }
  }

  /** Removes all messages; sequences and known message ids stay. Nobody's ack is awaited any more. */
  purge(shard: number): void {
    const stream = this.#found(shard);
    stream.messages = [];
    for (const { pending } of stream.consumers.values()) pending.clear();
  }

  /** Retention overruns: the first `count` messages are dropped. */
  dropFirst(shard: number, count: number): void {
    this.#found(shard).messages.splice(0, count);
  }

  /** Whether the stream is there. */
  has(shard: number): boolean {
    return this.#streams.has(shard);
  }

  /** Removes the last message, but not its sequence. */
  deleteLastMessage(shard: number): void {
    this.#found(shard).messages.pop();
  }

  /** The server comes back with a disk on which the last `count` messages never were. */
  goBack(shard: number, count: number): void {
    const stream = this.#found(shard);
    const [first] = stream.messages.splice(Math.max(0, stream.messages.length - count));
    if (first) stream.lastSeq = first.streamSeq - 1;
    for (const [id, streamSeq] of stream.ids) if (streamSeq > stream.lastSeq) stream.ids.delete(id);
    const last = stream.messages.at(-1);
    stream.lastId = last && last.streamSeq === stream.lastSeq ? last.id : '';
    for (const consumer of stream.consumers.values()) {
      consumer.next = Math.min(consumer.next, stream.lastSeq + 1);
    }
  }

  /** The bucket is lost, and made anew when it is asked for. */
  deleteLeases(): void {
    this.#leases.clear();
    this.#revision = 0;
  }

  /** What a stream holds, for a test to look at. */
  messages(
    shard: number,
  ): readonly Pick<Message, 'streamSeq' | 'epoch' | 'firstSeq' | 'lastSeq' | 'event'>[] {
    return this.#streams.get(shard)?.messages ?? [];
  }

  /** Carries a call out at once and answers it later, unless something of it is lost. */
  #call<T>(node: string, work: () => T): Promise<T> {
    const loss = this.#away.has(node) ? 'request' : this.#losses.get(node)?.shift();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let answer = (): void => reject(new Unanswered(`The ${loss} was lost.`));
    if (loss !== 'request') {
      try {
        const result = work();
        if (loss === undefined) answer = () => resolve(result);
      } catch (error) {
        if (loss === undefined) answer = () => reject(error);
      }
    }
    this.#schedule(answer, node);
    return promise;
  }

  #found(shard: number): Stream {
    const stream = this.#streams.get(shard);
    if (!stream) throw new Missing('stream not found');
    return stream;
  }

  #ensure(shard: number): { createdAt: string; lastStreamSeq: number } {
    let stream = this.#streams.get(shard);
    if (!stream) {
      this.#streamsMade += 1;
      const createdAt = `stream ${this.#streamsMade}`;
      stream = { createdAt, messages: [], lastSeq: 0, lastId: '', ids: new Map(), consumers: new Map() };
      this.#streams.set(shard, stream);
    }
    return { createdAt: stream.createdAt, lastStreamSeq: stream.lastSeq };
  }

  #publish(shard: number, { expectedStreamSeq, after, ...message }: Publish): { streamSeq: number } {
    const stream = this.#found(shard);
    const id = idOf(message, expectedStreamSeq + 1);
    const known = stream.ids.get(id);
    if (known !== undefined) return { streamSeq: known };
    if (!isBrokenBy('no-fence')) fence(stream, expectedStreamSeq, after);
    const streamSeq = stream.lastSeq + 1;
    stream.messages.push({ ...message, event: new Uint8Array(message.event), streamSeq, id });
    stream.lastSeq = streamSeq;
    stream.lastId = id;
    stream.ids.set(id, streamSeq);
    for (const node of stream.consumers.keys()) this.#deliver(shard, node);
    return { streamSeq };
  }

  #end(shard: number): StreamEnd & { createdAt: string } {
    const { createdAt, messages, lastSeq } = this.#found(shard);
    const last = messages.at(-1);
    const end = { streamSeq: lastSeq, createdAt };
    if (!last) return end;
    const { streamSeq, epoch, firstSeq, lastSeq: seq } = last;
    return { ...end, message: { streamSeq, epoch, firstSeq, lastSeq: seq } };
  }

  #consume(shard: number, node: string, options: ConsumeOptions): Consumption {
    const stream = this.#found(shard);
    const before = stream.consumers.get(node);
    this.#endReader(before, node, new Missing('The consumer was placed anew.'));
    const consumer: Consumer = { next: options.fromStreamSeq, pending: new Set(), reader: options };
    stream.consumers.set(node, consumer);
    this.#deliver(shard, node);
    return {
      stop: () => {
        if (consumer.reader === options) consumer.reader = undefined;
        return Promise.resolve();
      },
    };
  }

  /** Gives out what is new, as far as acks allow. */
  #deliver(shard: number, node: string): void {
    const stream = this.#streams.get(shard);
    const consumer = stream?.consumers.get(node);
    if (!stream || !consumer?.reader || this.#away.has(node)) return;
    for (const { streamSeq } of stream.messages) {
      if (streamSeq < consumer.next) continue;
      if (consumer.pending.size >= this.#ackPendingMax) return;
      consumer.next = streamSeq + 1;
      consumer.pending.add(streamSeq);
      this.#give(shard, node, consumer, streamSeq);
    }
  }

  #give(shard: number, node: string, consumer: Consumer, streamSeq: number): void {
    const { reader } = consumer;
    const message = this.#streams.get(shard)?.messages.find((message) => message.streamSeq === streamSeq);
    if (!message || this.#away.has(node)) return;
    const ack = (): void => {
      if (this.#away.has(node) || !consumer.pending.has(streamSeq)) return;
      for (const seq of consumer.pending) if (seq <= streamSeq) consumer.pending.delete(seq);
      this.#deliver(shard, node);
    };
    const { event, prompt = false, trace } = message;
    const given = { streamSeq, event, prompt, trace, ack };
    this.#schedule(() => {
      if (reader && consumer.reader === reader) reader.onMessage(given);
    }, node);
  }

  #endReader(consumer: Consumer | undefined, node: string, error: Error): void {
    const reader = consumer?.reader;
    if (!consumer || !reader) return;
    consumer.reader = undefined;
    this.#schedule(() => reader.onEnd(error), node);
  }

  #lease(shard: number): SeenRevision {
    return this.#leases.get(shard) ?? { revision: 0, lease: null };
  }

  #writeLease(shard: number, lease: Lease, revision: number): number | undefined {
    if (this.#lease(shard).revision !== revision) return undefined;
    this.#revision += 1;
    const seen = { revision: this.#revision, lease: { ...lease } };
    this.#leases.set(shard, seen);
    for (const [onLease, node] of this.#watchers) this.#tell(onLease, node, shard, seen);
    return seen.revision;
  }

  #watch(
    node: string,
    shardCount: number,
    onLease: (shard: number, seen: SeenRevision) => void,
  ): { stop(): void } {
    this.#watchers.set(onLease, node);
    for (let shard = 0; shard < shardCount; shard += 1) this.#tell(onLease, node, shard, this.#lease(shard));
    return { stop: () => void this.#watchers.delete(onLease) };
  }

  #tellAll(onLease: (shard: number, seen: SeenRevision) => void, node: string): void {
    for (const [shard, seen] of this.#leases) this.#tell(onLease, node, shard, seen);
  }

  #tell(
    onLease: (shard: number, seen: SeenRevision) => void,
    node: string,
    shard: number,
    seen: SeenRevision,
  ): void {
    if (this.#away.has(node)) return;
    this.#schedule(() => {
      if (this.#watchers.has(onLease)) onLease(shard, seen);
    }, node);
  }
}

/** JetStream's id of a batch at its place in the stream (see stream.ts). */
function fence(stream: Stream, expectedStreamSeq: number, after: BatchName | undefined): void {
  if (expectedStreamSeq !== stream.lastSeq) {
    throw new FenceRefused(`wrong last sequence: ${stream.lastSeq}`);
  }
  if (after && idOf(after, expectedStreamSeq) !== stream.lastId) {
    throw new FenceRefused(`wrong last msg ID: ${stream.lastId}`);
  }
}

function idOf({ epoch, firstSeq }: BatchName, streamSeq: number): string {
  return `${epoch}/${firstSeq}/${streamSeq}`;
}
