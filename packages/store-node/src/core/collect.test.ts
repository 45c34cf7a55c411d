import type { CollectedEntry } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytes, increment, put, remove, TestReplica } from '../testing/replica.ts';
import { anyRequest } from '../testing/requests.ts';
import { type CollectInput, type CollectLimits, collectedOf, collectQuery } from './collect.ts';
import { breakBy } from './mutants.ts';
import { emptyState, isDrifted } from './state.ts';

const limits: CollectLimits = {
  collectKeysMax: 10,
  collectBytesMax: 1000,
  expiredKeptMs: 500,
  eventBytesMax: 100_000,
};

/** A leader at 3-20, whose epoch 3 began at seq 15, and epoch 1 at 1. */
function input(parts: Partial<CollectInput> = {}): CollectInput {
  return {
    verified: { position: { epoch: 3, seq: 18 }, members: ['a', 'b', 'c'] },
    members: ['a', 'b', 'c'],
    state: { ...emptyState(), applied: { epoch: 3, seq: 20 }, confirmedSeq: 20 },
    epochs: () => [
      { epoch: 1, firstSeq: 1 },
      { epoch: 3, firstSeq: 15 },
    ],
    now: 10_000,
    ...parts,
  };
}

function verifiedAt(epoch: number, seq: number, members = ['a', 'b', 'c']): Partial<CollectInput> {
  return { verified: { position: { epoch, seq }, members } };
}

const nothing = undefined;
const through = (throughSeq: number) => ({ throughSeq, expiredBy: 9500, limit: 10 });

describe('T2 rows may go', () => {
  it.each<[string, Partial<CollectInput>, ReturnType<typeof collectQuery>]>([
    ['up to where all members were proven equal', {}, through(18)],
    ['that were written in an epoch before', verifiedAt(1, 9), through(9)],
    ['up to the last seq of an epoch before', verifiedAt(1, 14), through(14)],
    ['when members that have left were proven too', verifiedAt(3, 18, ['a', 'b', 'c', 'gone']), through(18)],
    [
      'only while nothing of it is provisional',
      { state: { ...input().state, confirmedSeq: 12 } },
      through(12),
    ],
    ['never, while nobody has told', { verified: undefined }, nothing],
    ['never, while one member was not proven', verifiedAt(3, 18, ['a', 'b']), nothing],
    ['never, while a new member was not proven', { members: ['a', 'b', 'c', 'd'] }, nothing],
    ['never by what is in another history', verifiedAt(1, 15), nothing],
    ['never by an epoch that was not', verifiedAt(2, 14), nothing],
    ['never by what is ahead', verifiedAt(3, 21), nothing],
    ['never by a later epoch', verifiedAt(4, 3), nothing],
    ['never, while nothing was proven', verifiedAt(0, 0), nothing],
    ['never, of a leader that has found damage', { state: { ...input().state, suspect: true } }, nothing],
  ])('%s', (_, parts, query) => {
    expect(collectQuery(input(parts), limits)).toEqual(query);
  });

  it('too early, when broken on purpose', () => {
    breakBy('collect-unseen-tombstone');
    try {
      expect(collectQuery(input({ verified: undefined }), limits)).toEqual(through(20));
    } finally {
      breakBy(undefined);
    }
  });
});

describe('T3 one record', () => {
  const row = (key: string, bytes = 0) => ({ key, version: { epoch: 1, seq: 2 }, tombstone: true, bytes });
  const keys = (entries: readonly CollectedEntry[]) => entries.map(({ key }) => key).join('');

  it('removes no more rows and no more bytes than it may, and at least one row', () => {
    const rows = [...'abcdefghijkl'].map((key) => row(key));
    expect(keys(collectedOf(rows, limits))).toBe('abcdefghij');
    expect(collectedOf([], limits)).toEqual([]);
    const large = [row('a', 400), row('b', 600), row('c', 1)];
    expect(keys(collectedOf(large, limits))).toBe('ab');
    expect(keys(collectedOf([row('a', 5000), row('b', 1)], limits))).toBe('a');
  });

  it('fits an event, whatever the keys are', () => {
    const rows = Array.from({ length: 4096 }, (_, i) => row(`${'\u0001'.repeat(500)}${i}`));
    const leader = new TestReplica();
    leader.startEpoch(1);
    for (const eventBytesMax of [5_000, 100_000]) {
      const entries = collectedOf(rows, { ...limits, collectKeysMax: 4096, eventBytesMax });
      const event = leader.collect(entries);
      expect(event.length).toBeLessThanOrEqual(eventBytesMax);
      expect(event.length, 'and there is no room for another').toBeGreaterThan(eventBytesMax - 5_000);
    }
  });
});

describe('T1 a record of removals', () => {
  const version = (epoch: number, seq: number) => ({ epoch, seq });
  const leading = () => {
    const leader = new TestReplica();
    leader.startEpoch(1);
    return leader;
  };

  it('removes each row that still is at its version, and leaves every other one', () => {
    const leader = leading();
    leader.write([put('a', '1'), put('b', '1'), put('c', '1'), put('d', '1')]);
    leader.write([remove('a'), remove('b'), remove('c')]);
    const entries = ['a', 'b'].map((key) => leader.named(key));
    leader.write([put('b', 'again')]);
    leader.collect([
      ...entries,
      { key: 'd', version: version(1, 4) },
      { key: 'none', version: version(1, 2) },
    ]);
    expect(leader.rows().map(({ key, tombstone }) => [key, tombstone])).toEqual([
      ['b', false],
      ['c', true],
      ['d', false],
    ]);
    expect(leader.rootOfRows()).toEqual(leader.state.root);
    expect(leader.store.leavesRoot()).toEqual(leader.state.root);
    expect(leader.state.collected).toEqual({ seq: 10, epoch: 1 });
  });

  it('finds a row that it names twice once', () => {
    const leader = leading();
    leader.write([put('a', '1')]);
    leader.write([remove('a')]);
    leader.collect([leader.named('a'), leader.named('a')]);
    expect(leader.rows()).toEqual([]);
    expect(leader.state.root).toEqual(new TestReplica().state.root);
  });

  it('is one operation of the log, whose removals a follower finds as the leader did', () => {
    const [leader, follower] = [leading(), new TestReplica()];
    leader.write([put('a', '1'), put('b', '1', { ttlSeconds: 1 }), remove('a')]);
    leader.collect(['a', 'b'].map((key) => leader.named(key)));
    expect(follower.followLogOf(leader)).toEqual([]);
    expect(follower.rows()).toEqual([]);
    expect(follower.state).toMatchObject({ applied: { epoch: 1, seq: 5 }, collected: { seq: 5, epoch: 1 } });
  });

  it('is told by the roots where a replica has another row than the one that goes', () => {
    const [leader, follower] = [leading(), new TestReplica()];
    leader.write([put('a', 'old')]);
    follower.followLogOf(leader);
    const stale = follower.store.get('a');
    leader.write([remove('a')]);
    follower.followLogOf(leader);
    // The file forgot the delete; root and leaves did not.
    if (stale) follower.tamper(stale);
    const { found } = follower.apply(leader.collect([leader.named('a')]));
    expect(found).toEqual([{ reason: 'after' }]);
    expect(isDrifted(follower.state)).toBe(true);
  });

  it('sets aside a row that has rotted', () => {
    const [leader, follower] = [leading(), new TestReplica()];
    leader.write([put('a', 'value', { ttlSeconds: 1 })]);
    follower.followLogOf(leader);
    const row = follower.store.get('a');
    if (row) follower.tamper({ ...row, value: bytes('rotten') });
    const { found } = follower.apply(leader.collect([leader.named('a')]));
    expect(found).toEqual([{ reason: 'row', key: 'a' }]);
    expect(follower.store.quarantined()).toMatchObject([{ kind: 'row', name: 'a' }]);
    expect(follower.rows()).toEqual([]);
    expect(follower.state.root).toEqual(leader.state.root);
  });

  it('leaves a key that can be written like one that never was', () => {
    const leader = leading();
    leader.write([put('a', '5'), remove('a')]);
    leader.collect([leader.named('a')]);
    const answers = leader.write([
      put('a', 'x', { ifMatch: '*' }),
      remove('a'),
      put('a', '7', { ifNoneMatch: '*' }),
      increment('a'),
    ]);
    expect(answers.plan.results.map(({ result: { detail: _, ...result } }) => result)).toEqual([
      { error: 'precondition-failed' },
      { error: 'key-not-found' },
      { version: '1-5', created: true },
      { version: '1-6', created: false, value: 8 },
    ]);
  });

  it('leads any leader and follower to equal rows, roots and leaves, wherever it comes', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.array(anyRequest, { minLength: 1, maxLength: 5, size: 'max' }) },
      fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'ß'), seq: fc.nat(12) }), { minLength: 1 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 10, size: 'max' }), (steps) => {
        const [leader, follower] = [leading(), new TestReplica()];
        for (const [at, step] of steps.entries()) {
          const requests = step.filter((one) => 'operation' in one);
          const named = step.filter((one) => 'seq' in one);
          // Rows as they are, and rows as they are not.
          const entries = [
            ...named.map(({ key, seq }) => ({ key, version: version(1, seq) })),
            ...named.flatMap(({ key }) => (leader.store.get(key) ? leader.named(key) : [])),
          ];
          if (requests.length > 0) leader.write(requests, at * 1000);
          else leader.collect(entries);
          expect(leader.rootOfRows()).toEqual(leader.state.root);
          expect(leader.store.leavesRoot()).toEqual(leader.state.root);
        }
        expect(follower.followLogOf(leader)).toEqual([]);
        expect(follower.rows()).toEqual(leader.rows());
        expect(follower.state.root).toEqual(leader.state.root);
        expect(follower.store.leavesRoot()).toEqual(leader.state.root);
      }),
    );
  });
});
