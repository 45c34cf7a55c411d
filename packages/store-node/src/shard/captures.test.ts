import { bucketOf, equalDigest, isZeroDigest } from '@driftless/contracts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { changeOf } from '../core/change.ts';
import { LeafXors } from '../core/leaf-xors.ts';
import { put, TestReplica } from '../testing/replica.ts';
import { follow, rotten, tamper, testShard } from '../testing/shard.ts';
import type { KeptCapture } from './captures.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A leader's log, and a follower at its end. */
function pair() {
  const leader = new TestReplica();
  leader.startEpoch(1);
  leader.write([put('a', '1'), put('b', '2')]);
  const shard = testShard();
  follow(shard.context, leader);
  const take = (atSeq: number, waitMs = 1000) =>
    shard.context.captures.take(shard.context.state, atSeq, waitMs);
  return { leader, ...shard, take };
}

const captured = async (found: Promise<unknown>): Promise<KeptCapture> => {
  const capture = await found;
  expect(capture).toHaveProperty('id');
  return capture as KeptCapture;
};

describe('a capture', () => {
  it('of the seq where the replica stands is taken at once', async () => {
    const { context, take, leader } = pair();
    const capture = await captured(take(3));
    expect(capture.position).toEqual({ epoch: 1, seq: 3 });
    expect(equalDigest(capture.root, leader.state.root)).toBe(true);
    expect(isZeroDigest(capture.drift)).toBe(true);
    expect(context.captures.get(capture.id)).toBe(capture);
  });

  it('of a seq ahead is taken in the very commit that reaches it, and stays as it was', async () => {
    const { leader, context, take } = pair();
    const waiting = take(5);
    leader.write([put('c', '3')]);
    const roots = [leader.state.root];
    leader.write([put('d', '4'), put('e', '5')]);
    roots.push(leader.state.root);
    leader.write([put('f', '6')]);
    follow(context, leader);
    const capture = await captured(waiting);
    // The batch that holds seq 5 ends at 6.
    expect(capture.position).toEqual({ epoch: 1, seq: 6 });
    expect(equalDigest(capture.root, roots[1] as Uint8Array)).toBe(true);
    expect(equalDigest(capture.leaves.root(), capture.root)).toBe(true);
    expect(context.state.applied.seq).toBe(7);
  });

  it('is the same for all who wait, and for a leader and its follower', async () => {
    const { leader, context, take } = pair();
    const [one, other] = [take(4), take(4)];
    leader.write([put('c', '3')]);
    const ahead = testShard({ store: leader.store });
    const theirs = await captured(ahead.context.captures.take(leader.state, 4, 0));
    follow(context, leader);
    const ours = await captured(one);
    expect(await captured(other)).toBe(ours);
    expect(ours.tree).toEqual(theirs.tree);
    expect(ours.position).toEqual(theirs.position);
  });

  it('of a seq gone by is none', async () => {
    const { take } = pair();
    expect(await take(2)).toEqual({ reason: 'passed', position: { epoch: 1, seq: 3 } });
  });

  it('that is not reached in time is none', async () => {
    const { leader, context, take } = pair();
    const waiting = take(9, 500);
    leader.write([put('c', '3')]);
    follow(context, leader);
    vi.advanceTimersByTime(499);
    expect(await Promise.race([waiting, 'waits'])).toBe('waits');
    vi.advanceTimersByTime(1);
    expect(await waiting).toEqual({ reason: 'not-reached', position: { epoch: 1, seq: 4 } });
  });

  it('of a replica that settles after a cut is none', async () => {
    const { context, take } = pair();
    context.commit(changeOf({ state: { ...context.state, settleSeq: 9 } }));
    expect(await take(3)).toMatchObject({ reason: 'unavailable' });
  });

  it('is not taken by a commit that is none of the log', async () => {
    const { context, take } = pair();
    const waiting = take(4);
    context.commit(changeOf({ state: { ...context.state, applied: { epoch: 1, seq: 4 } } }));
    expect(await Promise.race([waiting, 'waits'])).toBe('waits');
  });

  it('says by how much the tree is not that of the leader', async () => {
    const { context, take } = pair();
    const xor = new Uint8Array(16).fill(3);
    context.store.commit(changeOf({ leafXors: LeafXors.of([[7, xor]]), state: context.state }));
    expect((await captured(take(3))).drift).toEqual(xor);
  });

  it('says so of a drift that an event has met, too', async () => {
    const { leader, context, take } = pair();
    const row = context.store.get('a');
    context.store.commit(changeOf({ removed: ['a'], state: context.state }));
    leader.write([put('a', 'other')]);
    follow(context, leader);
    expect(equalDigest((await captured(take(4))).drift, row?.digest as Uint8Array)).toBe(true);
  });

  it('does not see that a row has rotted: that is what audits are for', async () => {
    const { context, take } = pair();
    tamper(context, rotten(context.store.get('a')));
    const { drift, leaves } = await captured(take(3));
    expect(isZeroDigest(drift)).toBe(true);
    expect(leaves.get(bucketOf('a'))).toEqual(context.store.leaf(bucketOf('a')));
  });

  it('is kept for a minute, and not more than four of them', async () => {
    const { context, take } = pair();
    const captures: KeptCapture[] = [];
    for (let i = 0; i < 5; i += 1) captures.push(await captured(take(3)));
    const kept = (): boolean[] => captures.map(({ id }) => context.captures.get(id) !== undefined);
    expect(kept()).toEqual([false, true, true, true, true]);
    vi.advanceTimersByTime(59_999);
    context.captures.tick(context.clock.monotonic());
    expect(kept()).toContain(true);
    vi.advanceTimersByTime(1);
    context.captures.tick(context.clock.monotonic());
    expect(kept()).not.toContain(true);
  });

  it('is refused when too many wait', () => {
    const { take } = pair();
    for (let i = 0; i < 64; i += 1) void take(9);
    expect(() => take(9)).toThrow(expect.objectContaining({ code: 'overloaded' }));
  });
});
