import { systemClock, Unanswered } from '@driftless/runtime';
import { JetStreamApiError } from '@nats-io/jetstream';
import { headers, type Msg, type NatsConnection, type SubscriptionOptions } from '@nats-io/transport-node';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { AckedPublisher } from './acked-publisher.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const timeoutMs = 1000;

/** A connection whose other end is the test. */
function connected() {
  const replies: string[] = [];
  const closing = Promise.withResolvers<void>();
  let options: SubscriptionOptions = {};
  const connection = {
    subscribe: (_subject: string, given: SubscriptionOptions) => {
      options = given;
      return { closed: closing.promise };
    },
    publish: (_subject: string, _payload: Uint8Array, { reply }: { reply: string }) => {
      replies.push(reply);
    },
  };
  const publisher = new AckedPublisher(connection as unknown as NatsConnection, systemClock, timeoutMs);
  return {
    close: () => closing.resolve(),
    publish: () => outcome(publisher.publish('events', new Uint8Array(), headers())),
    answer: (number: number, body: string) => {
      const message = { subject: replies[number], data: Buffer.from(body), json: () => JSON.parse(body) };
      options.callback?.(null, message as unknown as Msg);
    },
  };
}

/** What it came to, once it has. */
function outcome(publish: Promise<number>): { is: unknown } {
  const ended: { is: unknown } = { is: undefined };
  publish.then(
    (streamSeq) => (ended.is = streamSeq),
    (error: unknown) => (ended.is = error),
  );
  return ended;
}

it('gives each publish its own answer, in whatever order they come', async () => {
  const { publish, answer } = connected();
  const [first, second] = [publish(), publish()];
  answer(1, '{"stream":"s","seq":8}');
  answer(0, '{"stream":"s","seq":7,"duplicate":true}');
  await vi.advanceTimersByTimeAsync(0);
  expect([first.is, second.is]).toEqual([7, 8]);
});

it('tells what JetStream refused from what nobody or nothing clear answered', async () => {
  const { publish, answer } = connected();
  const ended = [publish(), publish(), publish(), publish()];
  answer(0, '{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"}}');
  answer(1, '');
  answer(2, '{}');
  answer(3, 'no JSON');
  await vi.advanceTimersByTimeAsync(0);
  expect(ended[0]?.is).toBeInstanceOf(JetStreamApiError);
  expect(ended[0]?.is).toMatchObject({ code: 10071, status: 400 });
  expect(ended[1]?.is).toBeInstanceOf(Unanswered);
  expect(ended[2]?.is).toBeInstanceOf(Unanswered);
  expect(ended[3]?.is).toBeInstanceOf(Error);
});

it('gives each up at its own time, and takes no answer after it', async () => {
  const { publish, answer } = connected();
  const first = publish();
  await vi.advanceTimersByTimeAsync(600);
  const [second, third] = [publish(), publish()];
  answer(2, '{"seq":3}');
  await vi.advanceTimersByTimeAsync(399);
  expect(first.is).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1);
  expect(first.is).toBeInstanceOf(Unanswered);
  answer(0, '{"seq":1}');
  await vi.advanceTimersByTimeAsync(599);
  expect([second.is, third.is]).toEqual([undefined, 3]);
  await vi.advanceTimersByTimeAsync(1);
  expect(second.is).toBeInstanceOf(Unanswered);
  expect(first.is).toBeInstanceOf(Unanswered);
  expect(vi.getTimerCount()).toBe(0);
});

it('gives all up when the connection is closed', async () => {
  const { publish, close } = connected();
  const ended = [publish(), publish()];
  close();
  await vi.advanceTimersByTimeAsync(0);
  expect(ended.map(({ is }) => is instanceof Unanswered)).toEqual([true, true]);
  expect(vi.getTimerCount()).toBe(0);
});
