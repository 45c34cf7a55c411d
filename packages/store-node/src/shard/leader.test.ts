import { expect, it } from 'vitest';
import { MemoryStore } from '../store/memory.ts';
import { put, TestReplica } from '../testing/replica.ts';
import { ShardContext, type ShardParts } from './context.ts';
import { Leader } from './leader.ts';

/** A leader whose stream answers nothing; `publishes` are those under way. */
function leaderWithoutStream({ pipelines = true } = {}) {
  const publishes: number[] = [];
  const publish = ({ firstSeq }: { firstSeq: number }) => {
    publishes.push(firstSeq);
    return new Promise(() => undefined);
  };
  return { ...leaderOn({ pipelines, publish }), publishes };
}

/** A leader on this stream; `pass` lets time go by. */
function leaderOn(
  stream: object,
  soon: (task: () => void) => void = queueMicrotask,
  store = new MemoryStore(() => 0),
) {
  new TestReplica(store).startEpoch(1);
  let now = 0;
  const timers = new Set<{ at: number; work: () => void }>();
  const after = (ms: number, work: () => void) => {
    const timer = { at: now + ms, work };
    timers.add(timer);
    return () => void timers.delete(timer);
  };
  const nothing = () => undefined;
  const instruments = { committed: nothing, written: nothing, stored: nothing, converged: nothing };
  const limits = {
    leaderQueueOpsMax: 100,
    eventBytesMax: 1e6,
    eventOperationsMax: 100,
    publishesInFlightMax: 4,
    outboxOpsMax: 100,
  };
  const parts = {
    node: 'node-1',
    founders: ['node-1', 'node-2', 'node-3'],
    files: { open: () => store },
    clock: { monotonic: () => now, wall: () => 0, soon: (task: () => void) => void soon(task), after },
    logger: { debug: nothing },
    stream,
    instruments,
    limits,
  };
  const context = new ShardContext(parts as unknown as ShardParts);
  const leader = new Leader(context, 1, {
    leaseIsLive: () => true,
    natsIsLost: () => false,
    onDeposed: nothing,
    onDrained: nothing,
    onCommitted: nothing,
  });
  const pass = async (ms: number): Promise<void> => {
    await Promise.resolve();
    now += ms;
    for (const timer of timers) if (timer.at <= now && timers.delete(timer)) timer.work();
    leader.tick(now);
  };
  return { leader, pass, store };
}

it('a refusal that rests on what was not confirmed in time is no refusal', async () => {
  const { leader, pass } = leaderWithoutStream();
  const create = put('k', '1', { ifNoneMatch: '*' });
  const [first, second] = [leader.write([create], 'stream', 1000), leader.write([create], 'stream', 1000)];
  await pass(1000);
  expect((await first).results).toMatchObject([{ error: 'indeterminate', version: '1-2' }]);
  const [late] = (await second).results;
  expect(late).toMatchObject({
    error: 'indeterminate',
    detail: expect.stringContaining('precondition-failed'),
  });
  expect(late).not.toHaveProperty('version');
});

it('a refusal of ack=leader is as provisional as its acknowledgement', async () => {
  const { leader } = leaderWithoutStream();
  await leader.write([put('k', '1')], 'leader', 1000);
  const { results } = await leader.write([put('k', '2', { ifNoneMatch: '*' })], 'leader', 1000);
  expect(results).toMatchObject([{ error: 'precondition-failed' }]);
});

it('publishes together only what the stream can hold to its order', async () => {
  for (const [pipelines, underWay] of [
    [true, [2, 3]],
    [false, [2]],
  ] as const) {
    const { leader, pass, publishes } = leaderWithoutStream({ pipelines });
    for (const key of ['a', 'b']) {
      void leader.write([put(key, '1')], 'stream', 1000);
      await pass(1);
    }
    expect(publishes, `pipelines: ${pipelines}`).toEqual(underWay);
  }
});

it('gathers what would only wait for the stream, but holds up nobody who does not wait for it', async () => {
  const { leader, pass, store } = leaderWithoutStream({ pipelines: false });
  const write = (key: string, level: 'stream' | 'leader') => void leader.write([put(key, '1')], level, 1000);
  const batches = () =>
    store.log(1, Number.POSITIVE_INFINITY).map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq]);
  write('a', 'stream');
  await pass(1);
  for (const key of ['b', 'c', 'd']) {
    write(key, 'stream');
    await pass(1);
  }
  expect(batches()).toEqual([[2, 2]]);
  write('e', 'leader');
  await pass(1);
  expect(batches()).toEqual([
    [2, 2],
    [3, 6],
  ]);
  write('f', 'stream');
  await pass(1);
  await pass(20);
  expect(batches().at(-1)).toEqual([7, 7]);
});

/** Tells what is done within a transaction, and what after it. */
class TellingStore extends MemoryStore {
  readonly done: string[] = [];
  override head(key: string): ReturnType<MemoryStore['head']> {
    this.done.push('looked up');
    return super.head(key);
  }
  override commit(...change: Parameters<MemoryStore['commit']>): void {
    this.done.push('wrote');
    super.commit(...change);
  }
  override together<Result>(work: () => Result): Result {
    this.done.push('begun');
    const result = super.together(work);
    this.done.push('committed');
    return result;
  }
}

it('looks up and writes in one transaction, and publishes after it', async () => {
  const store = new TellingStore(() => 0);
  const publish = () => {
    store.done.push('published');
    return new Promise(() => undefined);
  };
  const { leader, pass } = leaderOn({ pipelines: true, publish }, queueMicrotask, store);
  store.done.length = 0;
  void leader.write([put('k', '1')], 'stream', 1000);
  await pass(1);
  expect(store.done).toEqual(['begun', 'looked up', 'wrote', 'committed', 'published']);
});

it('keeps the order of the log when a look at the stream makes room for what was put off', async () => {
  const underWay: { firstSeq: number; fail(): void }[] = [];
  const publish = ({ firstSeq }: { firstSeq: number }) =>
    new Promise((_, reject) => underWay.push({ firstSeq, fail: () => reject(new Error('no answer')) }));
  const end = () =>
    Promise.resolve({
      createdAt: '',
      streamSeq: 2,
      message: { streamSeq: 2, epoch: 1, firstSeq: 2, lastSeq: 2 },
    });
  const { leader, pass } = leaderOn({ pipelines: true, publish, end });
  // Four are under way, which is all there may be; a fifth is put off.
  for (const key of ['a', 'b', 'c', 'd', 'e']) {
    void leader.write([put(key, '1')], 'stream', 1000);
    await pass(1);
  }
  expect(underWay.map(({ firstSeq }) => firstSeq)).toEqual([2, 3, 4, 5]);
  underWay[0]?.fail();
  for (let turn = 0; turn < 20; turn += 1) await pass(0);
  // The stream has the first: the other three go again, and then what was put off.
  expect(underWay.slice(4).map(({ firstSeq }) => firstSeq)).toEqual([3, 4, 5, 6]);
});

it.each(['leader', 'stream'] as const)('ack=%s waits for the disk of the leader', async (level) => {
  const order: string[] = [];
  const publish = async ({ expectedStreamSeq }: { expectedStreamSeq: number }) => {
    order.push('published');
    return { streamSeq: expectedStreamSeq + 1 };
  };
  // What is due in a later turn comes after all that the stream's answer leads to.
  const { leader, store } = leaderOn({ pipelines: true, publish }, setImmediate);
  store.sync = () => void order.push('synced');
  await leader.write([put('k', '1')], level, 1000).then(() => order.push('answered'));
  expect(order).toEqual(['published', 'synced', 'answered']);
});
