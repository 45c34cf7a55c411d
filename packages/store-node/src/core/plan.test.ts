import { decodeBatch, equalDigest, type Operation, type WriteResult, zeroDigest } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { increment, put, remove, TestReplica, text } from '../testing/replica.ts';
import { anyRequest, NaiveModel } from '../testing/requests.ts';
import type { WriteRequest } from './plan.ts';

function leader(): TestReplica {
  const replica = new TestReplica();
  replica.startEpoch(1);
  return replica;
}

/** Results of one batch on a fresh shard (the epoch's record has seq 1), details left out. */
function ask(...requests: WriteRequest[]): WriteResult[] {
  return results(leader(), requests);
}

function results(replica: TestReplica, requests: readonly WriteRequest[], now = 0): WriteResult[] {
  return replica.write(requests, now).plan.results.map(({ result: { detail: _, ...result } }) => result);
}

/** Operations of the last batch. */
function lastOps(replica: TestReplica): Operation[] {
  const { lastSeq } = replica.store.logRange() ?? { lastSeq: 0 };
  return replica.store
    .log(0, Number.POSITIVE_INFINITY)
    .filter((row) => row.lastSeq === lastSeq)
    .flatMap(({ event }) => decodeBatch(event).ops);
}

const overflow = Number.MAX_SAFE_INTEGER;

describe('P1 each request is judged on what the ones before it lead to', () => {
  it('within one batch: put, increment, delete, increment of one key', () => {
    const answers = ask(put('k', '41'), increment('k'), remove('k'), remove('k'), increment('k', 5));
    expect(answers).toEqual([
      { version: '1-2', created: true },
      { version: '1-3', created: false, value: 42 },
      { version: '1-4' },
      { error: 'key-not-found' },
      { version: '1-5', created: true, value: 5 },
    ]);
  });

  it('with conditions on a version that the same batch makes', () => {
    const answers = ask(
      put('k', 'a', { ifNoneMatch: '*' }),
      put('k', 'b', { ifMatch: ['1-2'] }),
      put('k', 'c', { ifMatch: ['1-2'] }),
      remove('k', { ifNoneMatch: ['1-3'] }),
      remove('k', { ifMatch: '*' }),
      put('k', 'd', { ifMatch: '*' }),
    );
    expect(answers).toEqual([
      { version: '1-2', created: true },
      { version: '1-3', created: false },
      { error: 'precondition-failed', version: '1-3' },
      { error: 'precondition-failed', version: '1-3' },
      { version: '1-4' },
      { error: 'precondition-failed' },
    ]);
  });

  it.each<[string, WriteRequest, string | undefined, WriteResult]>([
    ['If-Match of no version', put('k', 'x', { ifMatch: [] }), 'v', refused('precondition-failed', '1-2')],
    ['If-None-Match of no version', put('k', 'x', { ifNoneMatch: [] }), 'v', stored(3, false)],
    ['If-Match on nothing', put('k', 'x', { ifMatch: ['1-2'] }), undefined, refused('precondition-failed')],
    ['If-None-Match: * on nothing', put('k', 'x', { ifNoneMatch: '*' }), undefined, stored(2, true)],
    ['both, met', put('k', 'x', { ifMatch: '*', ifNoneMatch: ['1-1'] }), 'v', stored(3, false)],
    ['delete of nothing', remove('k'), undefined, refused('key-not-found')],
    ['increment of text', increment('k'), 'text', refused('not-a-counter', '1-2')],
    ['increment of an empty value', increment('k'), '', refused('not-a-counter', '1-2')],
    ['increment of a fraction', increment('k'), '1.5', refused('not-a-counter', '1-2')],
    ['increment of 007', increment('k'), '007', refused('not-a-counter', '1-2')],
    ['increment of -0', increment('k'), '-0', refused('not-a-counter', '1-2')],
    ['increment past the exact integers', increment('k'), `${overflow}`, refused('counter-overflow', '1-2')],
    ['decrement past them', increment('k', -1), `${-overflow}`, refused('counter-overflow', '1-2')],
    ['increment to the last exact integer', increment('k', 0), `${overflow}`, stored(3, false, overflow)],
    ['increment by what leads below zero', increment('k', -43), '42', stored(3, false, -1)],
  ])('%s', (_, request, before, expected) => {
    const replica = leader();
    if (before !== undefined) replica.write([put('k', before)]);
    expect(results(replica, [request])).toEqual([expected]);
  });

  it('to whom an expired value is no value, and its version no version', () => {
    const replica = leader();
    replica.write([put('k', '5', { ttlSeconds: 2 })], 10_000);
    expect(results(replica, [put('k', 'x', { ifNoneMatch: '*' })], 11_999)[0]?.error).toBeDefined();
    expect(results(replica, [remove('k')], 12_000)).toEqual([refused('key-not-found')]);
    expect(results(replica, [increment('k')], 12_000)).toEqual([stored(3, true, 1)]);
  });
});

function refused(error: WriteResult['error'], version?: string): WriteResult {
  return { error, ...(version !== undefined && { version }) };
}
function stored(seq: number, created: boolean, value?: number): WriteResult {
  return { version: `1-${seq}`, created, ...(value !== undefined && { value }) };
}

describe('T5 a key that was written in a later epoch than an orphan', () => {
  const since = (epoch: number, seq: number) => ({ unwrittenSince: { epoch, seq } });
  const refused = (...requests: WriteRequest[]) =>
    results(replicaInEpoch3, requests).map(({ error }) => error === 'precondition-failed');
  const replicaInEpoch3 = leader();
  replicaInEpoch3.write([put('old', '1'), put('deleted', '1')]);
  replicaInEpoch3.startEpoch(3);
  replicaInEpoch3.write([put('new', '1'), remove('deleted'), put('removed', '1'), remove('removed')]);

  it('is refused to it, also where the key was deleted since', () => {
    const keys = ['old', 'new', 'deleted', 'none'];
    expect(refused(...keys.map((key) => increment(key, 0, since(1, 9))))).toEqual([false, true, true, false]);
    expect(refused(put('new', 'x', since(3, 2)), remove('deleted', since(2, 9)))).toEqual([false, true]);
    expect(refused(put('twice', 'x', since(2, 9)), put('twice', 'y', since(2, 9)))).toEqual([false, true]);
  });

  it('is refused to it when its row was removed for good, or may have been', () => {
    replicaInEpoch3.collect([replicaInEpoch3.named('removed')]);
    expect(refused(put('removed', 'x', since(1, 9)), put('never', 'x', since(2, 9)))).toEqual([true, true]);
    expect(refused(put('removed', 'x', since(3, 9)), put('never', 'x', since(3, 1)))).toEqual([false, false]);
  });
});

describe('P2 a batch goes on from the position and the root it was planned on', () => {
  it('stamps both roots, and gives its operations the next seqs', () => {
    const replica = leader();
    const before = replica.state;
    const { batch } = replica.write([put('a', '1'), put('b', '2')], 77).plan;
    expect(batch).toMatchObject({ shard: 0, epoch: 1, firstSeq: 2, committedAt: 77, prevRoot: before.root });
    expect(batch?.postRoot).toEqual(replica.rootOfRows());
    expect(replica.rows().map(({ key, epoch, seq }) => [key, epoch, seq])).toEqual([
      ['a', 1, 2],
      ['b', 1, 3],
    ]);
  });

  it('has the root it had when everything is as before but for tombstones', () => {
    const replica = leader();
    expect(replica.state.root).toEqual(zeroDigest());
    replica.write([put('a', '1'), remove('a')]);
    expect(replica.state.root).not.toEqual(zeroDigest());
    expect(replica.rows()).toMatchObject([{ key: 'a', tombstone: true, value: '', seq: 3 }]);
  });
});

describe('P3 an operation says the state that it leads to', () => {
  it('so that an increment is a put, and a time to live a point in time', () => {
    const replica = leader();
    replica.write([increment('n', 3), put('k', 'v', { ttlSeconds: 1.5 }), remove('n')], 1000);
    const [number, value, removed] = lastOps(replica);
    expect(number).toMatchObject({ op: 'put', key: 'n', contentType: 'application/json', expiresAt: null });
    expect(value).toMatchObject({ op: 'put', key: 'k', contentType: 'text/plain', expiresAt: 2500 });
    expect(removed).toMatchObject({ op: 'delete', key: 'n' });
  });

  it('so that requests lead to the same in one batch or in many, and as the naive model says', () => {
    const requests = fc.array(anyRequest, { maxLength: 24, size: 'max' });
    fc.assert(
      fc.property(requests, fc.infiniteStream(fc.integer({ min: 1, max: 5 })), (requests, sizes) => {
        const [together, apart, model] = [leader(), leader(), new NaiveModel(1)];
        const expected = requests.map((request) => model.ask(request, 5000));
        expect(results(together, requests, 5000)).toEqual(expected);
        const found: WriteResult[] = [];
        while (found.length < requests.length) {
          const size = sizes.next().value ?? 1;
          found.push(...results(apart, requests.slice(found.length, found.length + size), 5000));
        }
        expect(found).toEqual(expected);
        expect(together.rows()).toEqual(apart.rows());
        for (const replica of [together, apart]) expectModel(replica, model);
      }),
    );
  });

  it('and roots are the XOR of all rows after every batch while time passes', () => {
    const history = fc.array(fc.tuple(fc.array(anyRequest, { maxLength: 5, size: 'max' }), fc.nat(2500)), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(history, (history) => {
        const [replica, model] = [leader(), new NaiveModel(1)];
        let now = 0;
        for (const [requests, passed] of history) {
          now += passed;
          const expected = requests.map((request) => model.ask(request, now));
          expect(results(replica, requests, now)).toEqual(expected);
          expectModel(replica, model);
        }
      }),
    );
  });
});

function expectModel(replica: TestReplica, model: NaiveModel): void {
  const rows = replica.rows().map(({ key, seq, value, tombstone, expiresAt }) => {
    return [key, { seq, value: tombstone ? undefined : value, expiresAt }] as const;
  });
  const expected = [...model.entries].map(([key, { seq, value, expiresAt }]) => {
    return [key, { seq, value, expiresAt: Number.isFinite(expiresAt) ? expiresAt : null }] as const;
  });
  expect(new Map(rows)).toEqual(new Map(expected));
  expect(replica.state.applied.seq).toBe(model.seq);
  expect(equalDigest(replica.state.root, replica.rootOfRows())).toBe(true);
  expect(equalDigest(replica.state.root, replica.store.leavesRoot())).toBe(true);
}

const once = { idempotency: { id: 'once', fingerprint: 'f' } };
const other = { idempotency: { id: 'once', fingerprint: 'g' } };

describe('P4 a known idempotency id changes nothing', () => {
  it('within one batch and across batches: the first answer comes again', () => {
    const replica = leader();
    const first = { version: '1-2', created: true, value: 1 };
    expect(results(replica, [increment('n', 1, once), increment('n', 1, once)])).toEqual([
      first,
      { ...first, replayed: true },
    ]);
    expect(results(replica, [increment('n', 1, once)])).toEqual([{ ...first, replayed: true }]);
    expect(replica.rows()).toMatchObject([{ key: 'n', value: '1', seq: 2 }]);
    expect(replica.state.applied.seq).toBe(2);
  });

  it('not even on the next leader, which has the answer from the event', () => {
    const [replica, next] = [leader(), new TestReplica()];
    replica.write([put('k', 'v', once)]);
    next.followLogOf(replica);
    next.startEpoch(2);
    expect(results(next, [put('k', 'v', once)])).toEqual([{ version: '1-2', created: true, replayed: true }]);
  });

  it('used for another request is refused, and the first answer stays', () => {
    const answers = ask(put('k', 'v', once), put('k', 'w', other), put('k', 'v', once));
    expect(answers[1]).toEqual({ error: 'idempotency-key-reused' });
    expect(answers[2]).toMatchObject({ version: '1-2', replayed: true });
  });
});

describe('P5 a refused request makes no operation', () => {
  it('and no batch when all are refused', () => {
    const replica = leader();
    const { plan } = replica.write([remove('a'), put('b', '', { ifMatch: '*' })]);
    expect(plan.batch).toBeUndefined();
    expect(plan.results.map(({ seq }) => seq)).toEqual([1, 1]);
  });

  it('but for the answer under its id, which a retry gets even if it could succeed by now', () => {
    const replica = leader();
    expect(results(replica, [remove('k', once)])).toEqual([{ error: 'key-not-found' }]);
    expect(lastOps(replica)).toMatchObject([{ op: 'answer', answer: { id: 'once' } }]);
    expect(replica.state.applied.seq).toBe(2);
    expect(replica.rows()).toEqual([]);
    replica.write([put('k', 'v')]);
    expect(results(replica, [remove('k', once)])).toEqual([{ error: 'key-not-found', replayed: true }]);
    expect(replica.rows().map(({ value }) => text(Buffer.from(value)))).toEqual(['v']);
  });

  it('and its answer holds when all that it was judged on is confirmed', () => {
    const replica = leader();
    const { plan } = replica.write([
      put('a', '1'),
      put('a', '2', { ifNoneMatch: '*' }),
      put('b', '1'),
      remove('c', once),
      put('a', '3', { ifMatch: ['1-9'] }),
    ]);
    expect(plan.results.map(({ seq }) => seq)).toEqual([2, 2, 3, 4, 4]);
  });
});
