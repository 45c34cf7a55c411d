import { describe, expect, it } from 'vitest';
import { leaseCases, leaseShards, type NatsSubject, streamCases } from './acceptance.ts';
import { MemoryNats } from './memory.ts';
import { Unanswered } from './port.ts';

function subject(): NatsSubject {
  const nats = new MemoryNats();
  return {
    stream: (node) => nats.stream(0, node),
    leases: async (node) => nats.leases(node, leaseShards),
    deleteStream: async () => nats.deleteStream(0),
    deleteConsumer: async (node) => nats.deleteConsumer(0, node),
    purge: async () => nats.purge(0),
    deleteLastMessage: async () => nats.deleteLastMessage(0),
    ackTimePasses: async () => nats.giveOutAgain(0),
  };
}

describe('the stream in memory', () => {
  it.each(Object.entries(streamCases))('%s', (_, check) => check(subject()));
});

describe('the leases in memory', () => {
  it.each(Object.entries(leaseCases))('%s', (_, check) => check(subject()));
});

const publish = (seq: number) => {
  const event = Buffer.from(`${seq}`);
  return { event, epoch: 1, firstSeq: seq, lastSeq: seq, expectedStreamSeq: seq - 1 };
};

describe('faults on demand', () => {
  it('a lost request did not happen, a lost answer did', async () => {
    const nats = new MemoryNats();
    const stream = nats.stream(0, 'a');
    await stream.ensure();
    nats.lose('a', 'request', 'answer');
    await expect(stream.publish(publish(1))).rejects.toThrow(Unanswered);
    expect(nats.messages(0)).toEqual([]);
    await expect(stream.publish(publish(1))).rejects.toThrow(Unanswered);
    expect(nats.messages(0)).toMatchObject([{ streamSeq: 1 }]);
    expect(await stream.publish(publish(1))).toEqual({ streamSeq: 1 });
  });

  it('a node that is away is told nothing, and everything when it is back', async () => {
    const nats = new MemoryNats();
    const [a, b] = [nats.stream(0, 'a'), nats.stream(0, 'b')];
    await a.ensure();
    const seqs: number[] = [];
    await b.consume({
      fromStreamSeq: 1,
      onMessage: ({ streamSeq }) => void seqs.push(streamSeq),
      onEnd: () => {},
    });
    nats.setReachable('b', false);
    await a.publish(publish(1));
    await expect(b.end()).rejects.toThrow(Unanswered);
    expect(seqs).toEqual([]);
    nats.setReachable('b', true);
    await b.end();
    expect(seqs).toEqual([1]);
  });

  it('a stream that went back takes its sequences again', async () => {
    const nats = new MemoryNats();
    const stream = nats.stream(0, 'a');
    await stream.ensure();
    for (const seq of [1, 2, 3]) await stream.publish(publish(seq));
    nats.goBack(0, 2);
    expect(await stream.end()).toMatchObject({ streamSeq: 1, message: { lastSeq: 1 } });
    expect(await stream.publish(publish(2))).toEqual({ streamSeq: 2 });
  });

  it('a schedule decides when anything arrives', async () => {
    const tasks: (() => void)[] = [];
    const nats = new MemoryNats({ schedule: (task) => void tasks.push(task) });
    let made = false;
    const ensured = nats.stream(0, 'a').ensure();
    void ensured.then(() => {
      made = true;
    });
    await Promise.resolve();
    expect(made).toBe(false);
    for (const task of tasks.splice(0)) task();
    await ensured;
    expect(made).toBe(true);
  });

  it('no more is given out than may be without acks', async () => {
    const nats = new MemoryNats({ ackPendingMax: 2 });
    const stream = nats.stream(0, 'a');
    await stream.ensure();
    for (const seq of [1, 2, 3]) await stream.publish(publish(seq));
    const acks: (() => void)[] = [];
    await stream.consume({
      fromStreamSeq: 1,
      onMessage: ({ ack }) => void acks.push(ack),
      onEnd: () => {},
    });
    await stream.end();
    expect(acks.length).toBe(2);
    acks[0]?.();
    await stream.end();
    expect(acks.length).toBe(3);
  });

  it('what was purged awaits no ack any more, as in nats-server', async () => {
    const nats = new MemoryNats({ ackPendingMax: 2 });
    const stream = nats.stream(0, 'a');
    await stream.ensure();
    for (const seq of [1, 2]) await stream.publish(publish(seq));
    const seqs: number[] = [];
    await stream.consume({
      fromStreamSeq: 1,
      onMessage: ({ streamSeq }) => void seqs.push(streamSeq),
      onEnd: () => {},
    });
    nats.purge(0);
    await stream.publish(publish(3));
    await stream.end();
    expect(seqs).toEqual([1, 2, 3]);
  });
});
