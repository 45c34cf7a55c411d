import { encodeBatch } from '@driftless/contracts';
import { Clock } from '@driftless/runtime';
import { expect, it } from 'vitest';
import type { ConsumeOptions } from '../jetstream/port.ts';
import { MemoryStore } from '../store/memory.ts';
import { put, TestReplica, text } from '../testing/replica.ts';
import { testShard } from '../testing/shard.ts';
import { Follower } from './follower.ts';
import type { Peers } from './peers.ts';

/** Time stands still, and timers are counted. */
class HeldClock extends Clock {
  timers = 0;
  monotonic(): number {
    return 1000;
  }
  wall(): number {
    return 1000;
  }
  after(): () => void {
    this.timers += 1;
    return () => undefined;
  }
  every(): () => void {
    return () => undefined;
  }
  soon(work: () => void): void {
    setImmediate(work);
  }
}

/** Lets what was begun come to its end: turns of the event loop, more than any of it takes. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await new Promise(setImmediate);
}

/** Counts the transactions that were made of commits. */
class CountingStore extends MemoryStore {
  readonly transactions: number[] = [];
  override together<Result>(work: () => Result): Result {
    const before = this.log(0, Number.POSITIVE_INFINITY).length;
    const result = super.together(work);
    this.transactions.push(this.log(0, Number.POSITIVE_INFINITY).length - before);
    return result;
  }
}

/** A follower with a stream that a test feeds, and the leader that makes its events. */
async function following(peerHas: readonly Uint8Array[] = []) {
  const page = {
    events: [...peerHas],
    epochs: [],
    firstSeq: 1,
    applied: { epoch: 1, seq: 9 },
    confirmedSeq: 9,
  };
  const clock = new HeldClock();
  const store = new CountingStore(() => 0);
  const peers: Partial<Peers> = { log: async () => ({ ...page, counts: true }) };
  const { context } = testShard({ clock, store, peers: peers as Peers });
  let consuming: ConsumeOptions | undefined;
  Object.assign(context, {
    stream: {
      ensure: async () => ({ createdAt: 'then', lastStreamSeq: 0 }),
      consume: async (options: ConsumeOptions) => {
        consuming = options;
        return { stop: async () => undefined };
      },
    },
  });
  const bursts: boolean[] = [];
  const follower = new Follower(context, (prompt) => bursts.push(prompt));
  follower.start();
  await turns();
  const leader = new TestReplica();
  let streamSeq = 0;
  const acked: number[] = [];
  const give = (event: Uint8Array, prompt = false): void => {
    streamSeq += 1;
    const seq = streamSeq;
    consuming?.onMessage({ streamSeq: seq, event, prompt, ack: () => acked.push(seq) });
  };
  give(leader.startEpoch(1));
  await turns();
  store.transactions.length = 0;
  return { clock, context, store, follower, leader, give, acked, bursts };
}

it('applies what came in one burst in one transaction', async () => {
  const { give, leader, store, context } = await following();
  for (let i = 0; i < 5; i += 1) give(leader.event(put(`k${i}`, 'v')));
  await turns();
  expect(store.transactions).toEqual([5]);
  expect(context.state.root).toEqual(leader.state.root);
});

it('applies at once what comes, however busy it was', async () => {
  const { give, leader, store, clock, bursts } = await following();
  give(leader.event(put('k', '1')));
  give(leader.event(put('k', '2')), true);
  await turns();
  give(leader.event(put('k', '3')));
  await turns();
  expect(store.transactions).toEqual([2, 1]);
  expect(bursts.slice(-2)).toEqual([true, false]);
  expect(clock.timers).toBe(0);
  expect(text(store.get('k')?.value ?? new Uint8Array())).toBe('3');
});

it('commits what came before an event that it cannot read, and halts there', async () => {
  const { give, leader, store, context, follower, acked } = await following();
  give(leader.event(put('a', '1')));
  give(Uint8Array.of(1, 2, 3));
  give(leader.event(put('b', '1')));
  await turns();
  expect(store.get('a')).toBeDefined();
  expect(store.get('b')).toBeUndefined();
  expect(context.halted).toContain('Event 3 of the stream');
  expect(store.quarantined()).toHaveLength(1);
  expect(acked).toEqual([]);
  expect(follower.queued).toBe(0);
});

it('fetches what is missing in the middle of a burst, and goes on', async () => {
  const leader = new TestReplica();
  const [, missing, last] = [leader.startEpoch(1), leader.event(put('a', '1')), leader.event(put('b', '1'))];
  const { give, store, context } = await following([missing]);
  give(last);
  give(leader.event(put('c', '1')));
  await turns();
  expect(context.state.applied.seq).toBe(leader.state.applied.seq);
  expect(store.get('c')).toBeDefined();
  expect(context.state.root).toEqual(leader.state.root);
  expect(context.counts.gaps).toBe(1);
});

it('does not apply an event twice that comes again behind others', async () => {
  const { give, leader, store, context } = await following();
  const event = leader.event(put('a', '1'));
  give(event);
  give(leader.event(put('b', '1')));
  give(event);
  give(leader.event(put('c', '1')));
  await turns();
  expect(store.get('c')).toBeDefined();
  expect(context.state.root).toEqual(leader.state.root);
  const other = encodeBatch({
    shard: 0,
    epoch: 1,
    firstSeq: 2,
    ops: [{ op: 'answer', answer: { id: 'x', fingerprint: 'f', result: {} } }],
    committedAt: 0,
    prevRoot: context.state.root,
    postRoot: context.state.root,
  } as never);
  give(other);
  await turns();
  expect(context.halted).toContain('not the one in the log');
});
