import { bucketOf, rowHash } from '@driftless/contracts';
import { describe, expect, it } from 'vitest';
import { changeOf } from '../core/change.ts';
import { put, TestReplica } from '../testing/replica.ts';
import { follow, testShard } from '../testing/shard.ts';
import { headsOf, listBuckets } from './answer-peers.ts';
import { namesKeptMs, namesMax } from './listings.ts';

/** Other keys of the same bucket. */
function neighbours(key: string, count: number): string[] {
  const found: string[] = [];
  for (let i = 0; found.length < count; i += 1) {
    if (bucketOf(`n-${i}`) === bucketOf(key)) found.push(`n-${i}`);
  }
  return found;
}

const [one, two, three] = ['key', ...neighbours('key', 2)] as [string, string, string];
const bucket = bucketOf(one);

async function listed() {
  const log = new TestReplica();
  log.startEpoch(1);
  log.write([put(one, 'v'), put(two, 'v')]);
  const { context } = testShard();
  follow(context, log);
  await listBuckets(context, [bucket], { throughSeq: log.state.applied.seq, audit: false });
  const read = async () => {
    const hashes = [one, two, three].map(rowHash);
    return (await headsOf(context, [{ bucket, hashes }])).rows.map(({ key, version }) => [key, version.seq]);
  };
  return { log, context, read, known: () => context.listings.of(context.store, bucket) };
}

describe('what a listing saw', () => {
  it('is known until an event moves the leaf; heads tell what is there then', async () => {
    const { log, context, read, known } = await listed();
    expect([...(known()?.keys.values() ?? [])].sort()).toEqual([one, two].sort());
    expect(await read()).toEqual([
      [one, 2],
      [two, 3],
    ]);
    log.write([put(three, 'new'), put(two, 'newer')]);
    follow(context, log);
    expect(known()).toBeUndefined();
    expect((await read()).sort()).toEqual(
      [
        [one, 2],
        [two, 5],
        [three, 4],
      ].sort(),
    );
  });

  it('is nothing where the bucket was not sound: whoever looks again looks at the disk', async () => {
    const { context, known } = await listed();
    const { store, state } = context;
    store.commit(changeOf({ removed: [two], state }));
    expect(known()).toBeDefined();
    await listBuckets(context, [bucket], { throughSeq: state.applied.seq, audit: false });
    expect(known()).toBeUndefined();
  });

  it('is bounded, in names and in time', async () => {
    const { context, known } = await listed();
    const { listings, store, clock } = context;
    const now = clock.monotonic();
    const keys = new Map(Array.from({ length: namesMax - 1 }, (_, i) => [`${i}`, `${i}`]));
    const other = (bucket + 1) % 4096;
    listings.keep(other, { store, leaf: store.leaf(other), keys }, now);
    expect(known()).toBeUndefined();
    expect(listings.of(store, other)).toBeDefined();
    listings.tick(now + namesKeptMs - 1);
    expect(listings.of(store, other)).toBeDefined();
    listings.tick(now + namesKeptMs);
    expect(listings.of(store, other)).toBeUndefined();
  });
});
