import { Clock } from '@driftless/runtime';
import { expect, it } from 'vitest';
import { MemoryStore } from '../store/memory.ts';
import { put, remove, TestReplica } from '../testing/replica.ts';
import { type TestShardOptions, tamper, testShard } from '../testing/shard.ts';
import { Collector } from './collector.ts';
import { Leader } from './leader.ts';
import type { ShardReplica } from './replica.ts';

/** Pauses end when a test says so. */
class HeldClock extends Clock {
  now = 0;
  readonly pauses: (() => void)[] = [];
  monotonic(): number {
    return this.now;
  }
  wall(): number {
    return this.now;
  }
  after(ms: number, work: () => void): () => void {
    this.pauses.push(() => {
      this.now += ms;
      work();
    });
    return () => undefined;
  }
  every(): () => void {
    return () => undefined;
  }
  soon(work: () => void): void {
    queueMicrotask(work);
  }
}

const members = ['node-1', 'node-2', 'node-3'];

/** A leader of epoch 1 whose stream confirms at once, with the keys `k1` … deleted. */
async function leading(deleted: number, limits: TestShardOptions['limits'] = {}) {
  const clock = new HeldClock();
  const store = new MemoryStore(() => 0);
  new TestReplica(store).startEpoch(1);
  const { context, told } = testShard({ clock, store, limits: { collectEveryMs: 100, ...limits } });
  const publish = ({ expectedStreamSeq }: { expectedStreamSeq: number }) =>
    Promise.resolve({ streamSeq: expectedStreamSeq + 1 });
  Object.assign(context, { stream: { publish } });
  const nothing = () => undefined;
  const leader = new Leader(context, 1, {
    leaseIsLive: () => true,
    natsIsLost: () => false,
    onDeposed: nothing,
    onDrained: nothing,
    onCommitted: nothing,
  });
  const keys = Array.from({ length: deleted }, (_, i) => `k${i + 1}`);
  await leader.write([...keys.map((key) => put(key, '1')), put('stays', '1')], 'stream', 1000);
  await leader.write(
    keys.map((key) => remove(key)),
    'stream',
    1000,
  );
  const replica = { context, leader, leadsForSure: true, isOpen: true };
  const collector = new Collector(replica as unknown as ShardReplica);
  const left = () => context.store.tombstones(1000);
  /** The next pause is over. */
  const pass = async () => {
    clock.pauses.shift()?.();
    await Promise.resolve();
    await Promise.resolve();
  };
  const proven = () => ({ position: context.state.applied, members });
  return { clock, context, replica, collector, told, left, pass, proven };
}

it('T2 removes nothing until it is told, and then what was proven, not what came after', async () => {
  const { context, collector, replica, left, proven, told } = await leading(3);
  collector.turn();
  expect(left()).toBe(3);
  context.verified = proven();
  await replica.leader.write([put('later', '1')], 'stream', 1000);
  await replica.leader.write([remove('later')], 'stream', 1000);
  await Promise.resolve();
  collector.turn();
  expect(context.store.list({ prefix: '', after: '', limit: 9 }).map(({ key }) => key)).toEqual([
    'later',
    'stays',
  ]);
  expect(told.counts.get('rows collected')).toBe(3);
});

it('T3 removes a record at a time, with a pause after each, and one round at a time', async () => {
  const { context, collector, clock, left, pass, proven } = await leading(5, { collectKeysMax: 2 });
  context.verified = proven();
  collector.turn();
  collector.turn();
  expect([left(), clock.pauses.length]).toEqual([3, 1]);
  await pass();
  expect([left(), clock.now]).toEqual([1, 100]);
  await pass();
  expect([left(), clock.pauses.length]).toEqual([0, 0]);
  collector.turn();
  expect(clock.pauses.length).toBe(0);
});

it.each([
  ['follows', { leader: undefined }],
  ['may have been deposed', { leadsForSure: false }],
  ['was closed', { isOpen: false }],
])('a replica that %s removes nothing more', async (_, change) => {
  const { context, collector, replica, left, pass, proven } = await leading(5, { collectKeysMax: 2 });
  context.verified = proven();
  collector.turn();
  Object.assign(replica, change);
  await pass();
  expect(left()).toBe(3);
});

it('a leader that finds a damaged row removes nothing, and steps aside', async () => {
  const { context, collector, left, proven } = await leading(3);
  const row = context.store.get('k2');
  if (!row) throw new Error('There is no row.');
  tamper(context, { ...row, contentType: 'rotten' });
  context.verified = proven();
  collector.turn();
  expect(left()).toBe(3);
  expect(context.state.suspect).toBe(true);
});
