import { bucketOf } from '@driftless/contracts';
import { describe, expect, it } from 'vitest';
import { changeOf } from '../core/change.ts';
import { isDrifted } from '../core/state.ts';
import { cluster, expectEqual, heal, type Part, spoil } from '../testing/exchanges.ts';
import { put } from '../testing/replica.ts';
import { rotten, tamper } from '../testing/shard.ts';
import { listBuckets } from './answer-peers.ts';

/** Buckets that each of them has read whole, values and all. */
function readBy(...parts: Part[]): number[][] {
  return parts.map(({ context: { store } }) => {
    const buckets: number[] = [];
    const read = store.bucketRows.bind(store);
    store.bucketRows = (bucket) => {
      buckets.push(bucket);
      return read(bucket);
    };
    return buckets;
  });
}

/** The second one misses a write of the key, and is told by the next one. */
function missed(all: ReturnType<typeof cluster>, key: string): void {
  spoil(all.two, 'skip-event');
  all.write(put(key, 'missed'));
  all.write(put('key-9', 'told'));
  expect(isDrifted(all.two.context.state)).toBe(true);
}

describe('an exchange reads values only where there is a doubt:', () => {
  it('none where the digests of both have their leaves', async () => {
    const all = cluster();
    missed(all, 'key-1');
    const read = readBy(all.one, all.two);
    const answer = await all.two.exchanges.run(heal);
    expect(answer).toMatchObject({ outcome: 'equal', counts: { healed: 1 } });
    expect(read).toEqual([[], []]);
    expectEqual(all.two, all.one);
  });

  it('on both sides where ours is suspect, or the asker names the bucket', async () => {
    const { one, two } = cluster();
    tamper(two.context, rotten(two.context.store.get('key-1')));
    await two.scrub.run();
    const [theirs, ours] = readBy(one, two);
    await two.exchanges.run({ ...heal, mode: 'diff', buckets: [bucketOf('key-2')] });
    const suspect = [bucketOf('key-1'), bucketOf('key-2')].sort();
    for (const buckets of [theirs, ours]) expect([...new Set(buckets)].sort()).toEqual(suspect);
  });

  it('on the side whose digests do not have their leaf, or that knows something itself', async () => {
    const all = cluster();
    const { one, two } = all;
    missed(all, 'key-1');
    const bucket = bucketOf('key-1');
    const read = readBy(one, two);
    const list = { throughSeq: 1000, audit: false };
    one.context.store.commit(changeOf({ removed: ['key-1'], state: one.context.state }));
    expect(await listBuckets(one.context, [bucket], list)).toMatchObject([{ bucket, sound: false }]);
    expect(one.context.soundness.suspects).toEqual([bucket]);
    two.context.soundness.suspect(bucket);
    expect(await listBuckets(two.context, [bucket], list)).toMatchObject([{ bucket, sound: true }]);
    expect(two.context.soundness.suspects).toEqual([]);
    expect(read).toEqual([[bucket], [bucket]]);
  });

  it('X10 not to take a row that has rotted on the peer unseen: the peer learns of it', async () => {
    const all = cluster();
    const { one, two } = all;
    missed(all, 'key-1');
    tamper(one.context, rotten(one.context.store.get('key-1')));
    const answer = await two.exchanges.run(heal);
    expect(answer).toMatchObject({ outcome: 'different', counts: { healed: 0 } });
    expect(two.context.store.get('key-1')?.seq).toBe(3);
    expect(one.context.soundness.suspects).toEqual([bucketOf('key-1')]);
    expect(await one.exchanges.run({ ...heal, with: 'node-3' })).toMatchObject({ outcome: 'equal' });
    expect(await two.exchanges.run(heal)).toMatchObject({ outcome: 'equal', counts: { healed: 1 } });
    expectEqual(two, one);
  });

  it('a row of ours that has rotted unseen and differs is healed in the same exchange', async () => {
    const all = cluster();
    missed(all, 'key-1');
    tamper(all.two.context, rotten(all.two.context.store.get('key-1')));
    const answer = await all.two.exchanges.run(heal);
    expect(answer).toMatchObject({ outcome: 'equal', counts: { found: 1, healed: 1 } });
    expectEqual(all.two, all.one);
    expect(all.two.context.soundness.suspects).toEqual([]);
  });

  it('a row that has rotted unseen and does not differ is left to the scrub', async () => {
    const all = cluster();
    const { one, two } = all;
    const names = Array.from({ length: 100_000 }, (_, i) => `neighbour-${i}`);
    const other = names.find((name) => bucketOf(name) === bucketOf('key-1')) as string;
    all.write(put(other, 'of the same bucket'));
    missed(all, 'key-1');
    tamper(two.context, rotten(two.context.store.get(other)));
    expect(await two.exchanges.run(heal)).toMatchObject({ outcome: 'equal', counts: { healed: 1 } });
    expect((await two.scrub.run()).sound).toBe(false);
    expect(await two.exchanges.run(heal)).toMatchObject({ outcome: 'equal', counts: { healed: 1 } });
    expectEqual(two, one);
  });
});
