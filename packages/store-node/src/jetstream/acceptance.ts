/**
 * What every adapter of `EventStream` and `LeaseStore` must do, as cases: run against the one in memory
 * here, and against a real nats-server in test/integration/adapters.
 */
import type { Lease } from '@driftless/contracts';
import { waitUntil } from '@driftless/runtime';
import { expect } from 'vitest';
import {
  type EventStream,
  FenceRefused,
  type LeaseStore,
  Missing,
  type Publish,
  type StreamMessage,
  Unanswered,
} from './port.ts';

/**
 * The server behind the adapters, and what can be done to it. Each case has a server's worth of names to
 * itself.
 */
export interface NatsSubject {
  /** The stream of shard 0, as a node sees it. */
  stream(node: string): EventStream;
  leases(node: string): Promise<LeaseStore>;
  deleteStream(): Promise<void>;
  deleteConsumer(node: string): Promise<void>;
  purge(): Promise<void>;
  deleteLastMessage(): Promise<void>;
  /** Returns when what was not acked is about to be given out again. */
  ackTimePasses(): Promise<void>;
}

/** Shards that the leases are for. */
export const leaseShards = 2;

const until = (what: string, condition: () => boolean): Promise<boolean> => {
  return waitUntil(condition, { timeoutMs: 15_000, intervalMs: 5, what });
};

/** A batch of one operation: its seq is that of the stream unless said otherwise. */
function batchAt(seq: number, more: Partial<Publish> = {}): Publish {
  const event = Buffer.from(`event ${more.epoch ?? 1}/${seq}`);
  return { event, epoch: 1, firstSeq: seq, lastSeq: seq, expectedStreamSeq: seq - 1, ...more };
}

async function filled(subject: NatsSubject, count: number): Promise<EventStream> {
  const stream = subject.stream('leader');
  await stream.ensure();
  for (let seq = 1; seq <= count; seq += 1) await stream.publish(batchAt(seq));
  return stream;
}

/** What a consumption gives out. */
class Reader {
  readonly seqs: number[] = [];
  readonly texts: string[] = [];
  readonly traces: StreamMessage['trace'][] = [];
  readonly ended: Error[] = [];
  acks = true;

  options(fromStreamSeq: number) {
    return {
      fromStreamSeq,
      onMessage: ({ streamSeq, event, trace, ack }: StreamMessage) => {
        this.seqs.push(streamSeq);
        this.traces.push(trace);
        this.texts.push(Buffer.from(event).toString());
        if (this.acks) ack();
      },
      onEnd: (error: Error) => void this.ended.push(error),
    };
  }

  async has(...seqs: number[]): Promise<void> {
    await until(`messages ${seqs.join()}`, () => this.seqs.length >= seqs.length);
    expect(this.seqs).toEqual(seqs);
  }
}

async function outcome(call: Promise<unknown>): Promise<unknown> {
  return call.catch((error: unknown) => error);
}

export const streamCases: Record<string, (subject: NatsSubject) => Promise<void>> = {
  'makes its stream once, and tells where it ends': async (subject) => {
    const stream = subject.stream('a');
    const made = await stream.ensure();
    expect(made.lastStreamSeq).toBe(0);
    expect(made.createdAt).not.toBe('');
    await stream.publish(batchAt(1));
    expect(await subject.stream('b').ensure()).toEqual({ ...made, lastStreamSeq: 1 });
    await subject.deleteStream();
    const again = await stream.ensure();
    expect(again.lastStreamSeq).toBe(0);
    expect(again.createdAt).not.toBe(made.createdAt);
  },

  'refuses what is not right behind the end, and stores nothing of it': async (subject) => {
    const stream = await filled(subject, 2);
    for (const expectedStreamSeq of [0, 1, 3, 99]) {
      const refused = await outcome(stream.publish(batchAt(3, { expectedStreamSeq })));
      expect(refused, `expecting ${expectedStreamSeq}`).toBeInstanceOf(FenceRefused);
    }
    expect(await stream.end()).toMatchObject({ streamSeq: 2, message: { lastSeq: 2 } });
    expect(await stream.publish(batchAt(3))).toEqual({ streamSeq: 3 });
  },

  'refuses what is behind another batch than the one named': async (subject) => {
    const stream = await filled(subject, 2);
    // Two publishes of a deposed leader, of which only the first is at the wrong place by its sequence.
    await stream.publish(batchAt(3, { epoch: 2 }));
    const [first, second] = await Promise.all([
      outcome(stream.publish(batchAt(3, { after: { epoch: 1, firstSeq: 2 } }))),
      outcome(stream.publish(batchAt(4, { after: { epoch: 1, firstSeq: 3 } }))),
    ]);
    expect(first).toBeInstanceOf(FenceRefused);
    expect(second).toBeInstanceOf(FenceRefused);
    expect(await stream.end()).toMatchObject({ streamSeq: 3, message: { epoch: 2, firstSeq: 3 } });
    expect(await stream.publish(batchAt(4, { epoch: 2, after: { epoch: 2, firstSeq: 3 } }))).toEqual({
      streamSeq: 4,
    });
  },

  'takes publishes that are under way together, in their order': async (subject) => {
    const stream = await filled(subject, 1);
    const more = [2, 3, 4, 5].map((seq) =>
      stream.publish(batchAt(seq, { after: { epoch: 1, firstSeq: seq - 1 } })),
    );
    expect(await Promise.all(more)).toEqual([2, 3, 4, 5].map((streamSeq) => ({ streamSeq })));
  },

  'stores a batch that is published twice once': async (subject) => {
    const stream = await filled(subject, 1);
    const again = await outcome(stream.publish(batchAt(1)));
    // Servers differ in which of fence and message id they look at first.
    if (!(again instanceof FenceRefused)) expect(again).toEqual({ streamSeq: 1 });
    expect(await stream.end()).toMatchObject({ streamSeq: 1 });
  },

  'gives the trace of an event out with it': async (subject) => {
    const stream = await filled(subject, 1);
    const trace = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };
    const links = [`00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`, `00-${'e'.repeat(32)}-${'f'.repeat(16)}-01`];
    await stream.publish(batchAt(2, { trace }));
    await stream.publish(batchAt(3, { trace: { ...trace, links: links.join() } }));
    const reader = new Reader();
    await subject.stream('b').consume(reader.options(1));
    await reader.has(1, 2, 3);
    expect(reader.traces).toEqual([undefined, trace, { ...trace, links: links.join() }]);
  },

  'tells the end of a stream that is empty, purged, without its last message, or missing': async (
    subject,
  ) => {
    const stream = subject.stream('a');
    const { createdAt } = await stream.ensure();
    expect(await stream.end()).toEqual({ streamSeq: 0, createdAt });
    for (let seq = 1; seq <= 3; seq += 1) await stream.publish(batchAt(seq, { lastSeq: seq * 10 }));
    const message = { streamSeq: 3, epoch: 1, firstSeq: 3, lastSeq: 30 };
    expect(await stream.end()).toEqual({ streamSeq: 3, createdAt, message });
    await subject.deleteLastMessage();
    expect(await stream.end()).toMatchObject({ streamSeq: 3, message: { streamSeq: 2, lastSeq: 20 } });
    expect(await stream.publish(batchAt(4))).toEqual({ streamSeq: 4 });
    await subject.purge();
    expect(await stream.end()).toEqual({ streamSeq: 4, createdAt });
    await subject.deleteStream();
    expect(await outcome(stream.end())).toBeInstanceOf(Missing);
  },

  'takes a batch again that was purged': async (subject) => {
    const stream = await filled(subject, 2);
    await subject.purge();
    expect(await stream.publish(batchAt(2, { expectedStreamSeq: 2 }))).toEqual({ streamSeq: 3 });
    expect(await stream.end()).toMatchObject({ streamSeq: 3, message: { firstSeq: 2 } });
  },

  'does not say that a publish to a missing stream was refused': async (subject) => {
    const stream = await filled(subject, 1);
    await subject.deleteStream();
    const error = await outcome(stream.publish(batchAt(2)));
    expect(error instanceof Missing || error instanceof Unanswered, String(error)).toBe(true);
  },

  'gives out messages in order, from the cursor on, and those that come': async (subject) => {
    const stream = await filled(subject, 4);
    const [all, some] = [new Reader(), new Reader()];
    await subject.stream('a').consume(all.options(1));
    await subject.stream('b').consume(some.options(3));
    await all.has(1, 2, 3, 4);
    await some.has(3, 4);
    await stream.publish(batchAt(5));
    await all.has(1, 2, 3, 4, 5);
    await some.has(3, 4, 5);
    expect(all.texts[4]).toBe('event 1/5');
  },

  'begins where its cursor stands, whatever was given out and acked before': async (subject) => {
    await filled(subject, 5);
    const stream = subject.stream('a');
    for (const from of [1, 1, 4, 2, 6]) {
      const reader = new Reader();
      const consumption = await stream.consume(reader.options(from));
      await reader.has(...[1, 2, 3, 4, 5].slice(from - 1));
      await consumption.stop();
      expect(reader.ended).toEqual([]);
    }
  },

  'gives out at once, in order, what an earlier consumption did not ack': async (subject) => {
    const stream = await filled(subject, 3);
    const [first, second] = [new Reader(), new Reader()];
    first.acks = false;
    const consumption = await subject.stream('a').consume(first.options(1));
    await first.has(1, 2, 3);
    await consumption.stop();
    await stream.publish(batchAt(4));
    await subject.stream('a').consume(second.options(1));
    await second.has(1, 2, 3, 4);
  },

  'gives out again what is not acked in time': async (subject) => {
    await filled(subject, 2);
    const reader = new Reader();
    reader.acks = false;
    await subject.stream('a').consume(reader.options(1));
    await reader.has(1, 2);
    reader.acks = true;
    await subject.ackTimePasses();
    await reader.has(1, 2, 1, 2);
  },

  'gives out nothing after it was stopped': async (subject) => {
    const stream = await filled(subject, 1);
    const [stopped, other] = [new Reader(), new Reader()];
    const consumption = await subject.stream('a').consume(stopped.options(1));
    await subject.stream('b').consume(other.options(1));
    await stopped.has(1);
    await consumption.stop();
    await stream.publish(batchAt(2));
    await other.has(1, 2);
    await stopped.has(1);
    expect(stopped.ended).toEqual([]);
  },

  'forgets a node that consumes no more, even twice or without a stream': async (subject) => {
    const stream = await filled(subject, 2);
    const reader = new Reader();
    const consumption = await subject.stream('a').consume(reader.options(1));
    await reader.has(1, 2);
    await consumption.stop();
    await subject.stream('a').forget();
    await subject.stream('a').forget();
    // What it had not acked is not given out to whoever begins anew behind it.
    const later = new Reader();
    await subject.stream('a').consume(later.options(3));
    await stream.publish(batchAt(3));
    await later.has(3);
    await subject.deleteStream();
    await subject.stream('a').forget();
  },
  'ends when its consumer is deleted, and can begin again': async (subject) => {
    await filled(subject, 2);
    const [first, second] = [new Reader(), new Reader()];
    await subject.stream('a').consume(first.options(1));
    await first.has(1, 2);
    await subject.deleteConsumer('a');
    await until('the end', () => first.ended.length > 0);
    await subject.stream('a').consume(second.options(2));
    await second.has(2);
    expect(first.ended.length).toBe(1);
  },

  'ends when the stream is deleted, and says so to whoever comes': async (subject) => {
    await filled(subject, 1);
    const reader = new Reader();
    await subject.stream('a').consume(reader.options(1));
    await reader.has(1);
    await subject.deleteStream();
    await until('the end', () => reader.ended.length > 0);
    expect(await outcome(subject.stream('a').consume(reader.options(1)))).toBeInstanceOf(Missing);
  },
};

const lease = (holder: string | null, epoch = 0): Lease => {
  return { holder, incarnation: 'life', epoch, ttlMs: 4000, next: null };
};

/** What a watch has told, as text. */
class Watcher {
  readonly told: string[] = [];
  readonly onLease = (shard: number, { lease }: { lease: Lease | null }): void => {
    this.told.push(`${shard} ${lease?.holder ?? 'nobody'} ${lease?.epoch ?? '-'}`);
  };
  sees(what: string): Promise<boolean> {
    return until(`the watch to tell ${what}`, () => this.told.includes(what));
  }
}

export const leaseCases: Record<string, (subject: NatsSubject) => Promise<void>> = {
  'are claimed and renewed by compare-and-set': async (subject) => {
    const leases = await subject.leases('a');
    expect(await leases.read(0)).toEqual({ revision: 0, lease: null });
    const first = await leases.write(0, lease('a'), 0);
    expect(first).toBeGreaterThan(0);
    expect(await leases.write(0, lease('b'), 0)).toBeUndefined();
    const second = (await leases.write(0, lease('a', 1), first ?? 0)) ?? 0;
    expect(second).toBeGreaterThan(first ?? 0);
    expect(await leases.write(0, lease('b'), first ?? 0)).toBeUndefined();
    expect(await leases.write(0, lease('b'), second + 1)).toBeUndefined();
    expect(await leases.read(0)).toEqual({ revision: second, lease: lease('a', 1) });
    expect(await leases.read(1)).toEqual({ revision: 0, lease: null });
  },

  'are won by one of those who claim at one time': async (subject) => {
    const names = ['a', 'b', 'c'];
    const stores = await Promise.all(names.map((name) => subject.leases(name)));
    const won = await Promise.all(stores.map((store, i) => store.write(0, lease(names[i] ?? null), 0)));
    expect(won.filter((revision) => revision !== undefined).length).toBe(1);
    const holder = names[won.findIndex((revision) => revision !== undefined)];
    expect((await stores[0]?.read(0))?.lease?.holder).toBe(holder);
  },

  'are told as they are now, and then every change in order': async (subject) => {
    const [a, b] = [await subject.leases('a'), await subject.leases('b')];
    const before = (await a.write(0, lease('a'), 0)) ?? 0;
    const watcher = new Watcher();
    await b.watch(watcher.onLease);
    await watcher.sees('0 a 0');
    await watcher.sees('1 nobody -');
    let revision = before;
    for (const epoch of [1, 2, 3]) {
      revision = (await a.write(0, lease('a', epoch), revision)) ?? 0;
      // Between the first look and the watch, only the last of several changes is told.
      await watcher.sees(`0 a ${epoch}`);
    }
    await a.write(0, lease(null, 3), revision);
    await watcher.sees('0 nobody 3');
    const changes = watcher.told.slice(watcher.told.indexOf('0 a 1'));
    expect(changes.filter((told) => told.startsWith('0 '))).toEqual([
      '0 a 1',
      '0 a 2',
      '0 a 3',
      '0 nobody 3',
    ]);
  },

  'are told no more to a watch that was stopped, even at once': async (subject) => {
    const leases = await subject.leases('a');
    const [early, late, other] = [new Watcher(), new Watcher(), new Watcher()];
    (await leases.watch(early.onLease)).stop();
    const watch = await leases.watch(late.onLease);
    await leases.watch(other.onLease);
    await late.sees('1 nobody -');
    await other.sees('1 nobody -');
    watch.stop();
    await leases.write(0, lease('a', 7), 0);
    await other.sees('0 a 7');
    expect([...early.told, ...late.told]).not.toContain('0 a 7');
  },
};
