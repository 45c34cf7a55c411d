import { bucketCount, bucketOf, equalDigest, formatDigest, isZeroDigest } from '@driftless/contracts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { changeOf } from '../core/change.ts';
import { makeEntry } from '../core/entry.ts';
import { LeafXors } from '../core/leaf-xors.ts';
import { isDrifted } from '../core/state.ts';
import type { MemoryStore } from '../store/memory.ts';
import { bytes, put, TestReplica } from '../testing/replica.ts';
import { follow, rotten, tamper, testShard } from '../testing/shard.ts';
import { auditBucket } from './audit.ts';
import type { ShardContext } from './context.ts';
import { Scrub } from './scrub.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const keys = Array.from({ length: 200 }, (_, i) => `key-${i}`);

/** A leader, and a follower that has its rows. */
function pair(limits = {}) {
  const leader = new TestReplica();
  leader.startEpoch(1);
  leader.write(keys.map((key) => put(key, `value of ${key}`)));
  const shard = testShard({ limits });
  follow(shard.context, leader);
  return { leader, ...shard, scrub: new Scrub(shard.context) };
}

function drop(context: ShardContext, ...removed: string[]): void {
  context.store.commit(changeOf({ removed, state: context.store.state() }));
}

function spoil(context: ShardContext, bucket: number): void {
  const leafXors = LeafXors.of([[bucket, new Uint8Array(16).fill(5)]]);
  context.store.commit(changeOf({ leafXors, state: context.store.state() }));
}

const alien = (key: string) =>
  makeEntry({
    key,
    epoch: 1,
    seq: 2,
    tombstone: false,
    value: bytes('?'),
    contentType: '',
    expiresAt: null,
  });

/** As much of the walk as is due after so long, in ticks. */
function pass(scrub: Scrub, ms: number): void {
  for (let i = 0; i < ms; i += 50) {
    vi.advanceTimersByTime(50);
    scrub.turn();
  }
}

const damages: [string, (context: ShardContext) => void, string, string[]][] = [
  ['a byte flipped in a value', (c) => tamper(c, rotten(c.store.get('key-1'))), 'key-1', ['key-1']],
  ['a row that is gone', (c) => drop(c, 'key-1'), 'key-1', []],
  ['a row that came from nowhere', (c) => tamper(c, alien('alien')), 'alien', []],
  ['a leaf that was spoiled', (c) => spoil(c, bucketOf('key-1')), 'key-1', []],
];

describe('an audit of a bucket', () => {
  it('finds it sound while the rows are those of the leaf', () => {
    const { context } = pair();
    for (let bucket = 0; bucket < bucketCount; bucket += 1) {
      expect(auditBucket(context.store, bucket).sound).toBe(true);
    }
  });

  it.each(damages)('finds %s', (_, damage, key, corruptKeys) => {
    const { context } = pair();
    damage(context);
    const unsound = Array.from({ length: bucketCount }, (_, bucket) =>
      auditBucket(context.store, bucket),
    ).filter(({ sound }) => !sound);
    expect(unsound).toMatchObject([{ bucket: bucketOf(key), corruptKeys }]);
  });
});

describe('the scrub of all at once', () => {
  it('finds a replica sound and says of what it is', async () => {
    const { context, scrub } = pair();
    const root = formatDigest(context.state.root);
    const run = scrub.run();
    await vi.runAllTimersAsync();
    expect(await run).toEqual({
      shard: 0,
      position: { epoch: 1, seq: 201 },
      entries: 200,
      keptRoot: root,
      rowsRoot: root,
      leavesRoot: root,
      corruptKeys: [],
      sound: true,
    });
    expect(isDrifted(context.state)).toBe(false);
  });

  it.each(damages)('finds %s, takes the replica out of service and names the bucket', async (...row) => {
    const [, damage, key, corruptKeys] = row;
    const { context, scrub } = pair();
    damage(context);
    const run = scrub.run();
    await vi.runAllTimersAsync();
    const found = await run;
    expect(found).toMatchObject({ sound: false, corruptKeys });
    expect(context.state.suspect).toBe(true);
    expect(context.soundness.suspects).toEqual([bucketOf(key)]);
    expect(context.counts.driftEvents).toBe(1);
  });

  it('compares rows with leaves although writes go on between two buckets', async () => {
    const { leader, context, scrub } = pair();
    tamper(context, rotten(context.store.get('key-7')));
    const digest = context.store.get('key-7')?.digest;
    const run = scrub.run();
    for (let i = 0; i < 4; i += 1) {
      leader.write(keys.filter((key) => key !== 'key-7').map((key) => put(key, `${i}`)));
      follow(context, leader);
      await vi.advanceTimersToNextTimerAsync();
    }
    await vi.runAllTimersAsync();
    const { position, keptRoot, leavesRoot, rowsRoot, corruptKeys } = await run;
    expect(position).toEqual(leader.state.applied);
    expect(leavesRoot).toBe(keptRoot);
    expect(rowsRoot).not.toBe(keptRoot);
    expect(corruptKeys).toEqual(['key-7']);
    tamper(context, { ...rotten(context.store.get('key-7')), value: bytes('value of key-7') });
    expect(context.store.get('key-7')?.digest).toEqual(digest);
    const again = scrub.run();
    await vi.runAllTimersAsync();
    expect(await again).toMatchObject({ sound: true, rowsRoot: keptRoot });
    expect(isDrifted(context.state)).toBe(false);
  });

  it('of some buckets looks at those', async () => {
    const { context, scrub } = pair();
    tamper(context, rotten(context.store.get('key-1')));
    tamper(context, rotten(context.store.get('key-2')));
    const run = scrub.run([bucketOf('key-2')]);
    await vi.runAllTimersAsync();
    expect((await run).corruptKeys).toEqual(['key-2']);
    expect(context.soundness.suspects).toEqual([bucketOf('key-2')]);
  });
});

describe('the scrub in the background', () => {
  it('goes round after round at its pace, and says how far it is', () => {
    const { scrub, context } = pair({ scrubRowsPerSecond: 250 });
    expect(scrub.progress).toEqual({ percent: 0 });
    pass(scrub, 1000);
    // Most buckets are empty, and cost a part of a row.
    expect(scrub.progress.percent).toBeGreaterThan(10);
    expect(scrub.progress.percent).toBeLessThan(26);
    pass(scrub, 9000);
    expect(scrub.progress.lastCompletedAt).toBeLessThanOrEqual(context.clock.wall());
    expect(context.state.suspect).toBe(false);
  });

  it('does not make up for the time that the process was paused', () => {
    const { scrub } = pair({ scrubRowsPerSecond: 40 });
    vi.advanceTimersByTime(60_000);
    scrub.turn();
    expect(scrub.progress.percent).toBeGreaterThan(0);
    // Of the 40 rows of a second, an empty bucket costs a quarter of one.
    expect(scrub.progress.percent).toBeLessThanOrEqual((100 * 40 * 4) / bucketCount);
  });

  it('is off at a pace of 0', () => {
    const { scrub, context } = pair({ scrubRowsPerSecond: 0 });
    tamper(context, rotten(context.store.get('key-1')));
    pass(scrub, 10_000);
    expect(scrub.progress).toEqual({ percent: 0 });
    expect(context.state.suspect).toBe(false);
  });

  it.each(damages)('finds %s within a round', async (_, damage, key) => {
    const { scrub, context, told } = pair();
    pass(scrub, 5000);
    damage(context);
    pass(scrub, 5000);
    await vi.runAllTimersAsync();
    expect(context.soundness.suspects).toEqual([bucketOf(key)]);
    expect(isDrifted(context.state)).toBe(true);
    expect(told.detected).toHaveLength(1);
    // As long ago as it may have come at most.
    expect(told.detected[0]?.ms).toBeLessThanOrEqual(5000);
  });

  it('sees a row that an event has overwritten since', () => {
    const { leader, scrub, context, told } = pair();
    tamper(context, rotten(context.store.get('key-1')));
    leader.write([put('key-1', 'new')]);
    follow(context, leader);
    expect(context.state.suspect).toBe(true);
    expect(context.soundness.suspects).toEqual([bucketOf('key-1')]);
    expect(told.detected).toEqual([{ by: 'event', ms: expect.any(Number) }]);
    pass(scrub, 1100);
    expect(context.state.suspect).toBe(false);
    expect(told.healed).toHaveLength(1);
  });

  it('goes on suspecting while any of what was found is unsound', () => {
    const { scrub, context } = pair();
    const sound = context.store.get('key-1');
    tamper(context, rotten(sound));
    tamper(context, rotten(context.store.get('key-2')));
    pass(scrub, 5000);
    if (sound) tamper(context, sound);
    pass(scrub, 5000);
    expect(context.soundness.suspects).toEqual([bucketOf('key-2')]);
    expect(context.state.suspect).toBe(true);
  });

  it('after a restart of a suspect replica looks at all before it is in service again', async () => {
    const { scrub, context } = pair();
    tamper(context, rotten(context.store.get('key-1')));
    pass(scrub, 5000);
    const again = testShard({ store: (context.store as MemoryStore).copy() });
    expect(again.context.soundness.isEverythingSuspect).toBe(true);
    const next = new Scrub(again.context);
    next.turn();
    await vi.runAllTimersAsync();
    expect(again.context.soundness.suspects).toEqual([bucketOf('key-1')]);
    expect(isDrifted(again.context.state)).toBe(true);
  });

  it('after a restart of a replica that is sound by now puts it back into service', async () => {
    const { context } = pair();
    context.commit(changeOf({ state: { ...context.state, suspect: true } }));
    const { context: again } = testShard({ store: (context.store as MemoryStore).copy() });
    new Scrub(again).turn();
    await vi.runAllTimersAsync();
    expect(isDrifted(again.state)).toBe(false);
  });
});

describe('what a replica sees without looking at rows', () => {
  it('a leaf that was spoiled is found within a second, and then named', async () => {
    const { scrub, context } = pair({ scrubRowsPerSecond: 1 });
    pass(scrub, 1100);
    spoil(context, 77);
    pass(scrub, 1100);
    await vi.runAllTimersAsync();
    expect(context.state.suspect).toBe(true);
    expect(context.soundness.suspects).toEqual([77]);
  });

  it('a root that is not that of the rows is put right, and shows as drift', async () => {
    const { scrub, context } = pair();
    const wrong = new Uint8Array(16).fill(1);
    context.commit(changeOf({ state: { ...context.state, root: wrong } }));
    pass(scrub, 1100);
    await vi.runAllTimersAsync();
    expect(equalDigest(context.state.root, context.store.leavesRoot())).toBe(true);
    expect(isZeroDigest(context.state.drift)).toBe(true);
    expect(context.counts.driftEvents).toBeGreaterThan(0);
  });

  it('an event that moved the position and nothing else is found where the replica rests', () => {
    const { leader, scrub, context } = pair();
    pass(scrub, 1100);
    const event = leader.event(put('key-1', 'skipped'));
    const log = { firstSeq: 202, lastSeq: 202, epoch: 1, committedAt: 0, event };
    context.commit(changeOf({ log, state: { ...context.state, applied: { epoch: 1, seq: 202 } } }));
    expect(isDrifted(context.state)).toBe(false);
    pass(scrub, 1100);
    expect(isDrifted(context.state)).toBe(true);
    expect(context.lastDrift?.reason).toContain('stamped');
  });

  it('a position that went back is put to where the log ends, and events go on from there', () => {
    const { leader, scrub, context } = pair();
    leader.write([put('key-1', 'newer')]);
    follow(context, leader);
    context.commit(changeOf({ state: { ...context.state, applied: { epoch: 1, seq: 201 } } }));
    pass(scrub, 50);
    expect(context.state.applied).toEqual({ epoch: 1, seq: 202 });
    expect(isDrifted(context.state)).toBe(false);
    expect(context.counts.driftEvents).toBe(1);
    leader.write([put('key-2', 'newest')]);
    follow(context, leader);
    expect(context.state.root).toEqual(leader.state.root);
    expect(isDrifted(context.state)).toBe(false);
  });

  it('a position and rows that went back show as drift', () => {
    const { leader, scrub, context } = pair();
    const before = context.store.get('key-1');
    const root = context.state.root;
    leader.write([put('key-1', 'newer')]);
    follow(context, leader);
    if (before) tamper(context, before);
    context.commit(changeOf({ state: { ...context.state, root, applied: { epoch: 1, seq: 201 } } }));
    pass(scrub, 50);
    expect(context.state.applied.seq).toBe(202);
    expect(isDrifted(context.state)).toBe(true);
  });
});
