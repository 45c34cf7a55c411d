import { expect, it } from 'vitest';
import { put, remove, TestReplica, text } from '../testing/replica.ts';
import type { ShardContext } from './context.ts';
import { offerOrphans } from './orphan-offers.ts';

/** A deposed leader with what its log had past epoch 1, and the leader of epoch 2. */
function deposed(orphaned: Parameters<TestReplica['write']>[0], lead: (leader: TestReplica) => void) {
  const [old, leader] = [new TestReplica(), new TestReplica()];
  old.startEpoch(1);
  old.write([put('known', '1')]);
  leader.followLogOf(old);
  old.write(orphaned);
  leader.startEpoch(2);
  // The cut finds the keys as they are in the beginning; the rest comes later, or after the offer.
  old.cut(2, leader);
  lead(leader);
  return { old, leader };
}

/** Just what offers need of the context of a replica. */
async function offer(old: TestReplica, leader: TestReplica): Promise<void> {
  const nothing = () => undefined;
  const context = {
    shard: 0,
    store: old.store,
    leader: 'leader',
    clock: { wall: () => 0 },
    logger: { info: nothing },
    instruments: { orphansOffered: { add: nothing } },
    peers: {
      write: (_peer: string, _shard: number, operation: object, value: Uint8Array) =>
        Promise.resolve(leader.write([{ operation, value } as never]).plan.results[0]?.result),
    },
  };
  await offerOrphans(context as unknown as ShardContext);
}

function left(old: TestReplica): string[] {
  return old.store
    .orphans()
    .map(({ operation: { op, key }, offered }) => `${op} ${key} ${offered ? 'kept' : 'waits'}`);
}

function shown(leader: TestReplica, key: string): string {
  const row = leader.store.get(key);
  if (!row) return 'no row';
  return row.tombstone ? 'deleted' : text(row.value);
}

it('an orphan whose key nobody has written since is done again', async () => {
  const { old, leader } = deposed([put('new', 'orphan'), put('known', 'orphan')], () => undefined);
  await offer(old, leader);
  expect(left(old)).toEqual([]);
  expect([shown(leader, 'new'), shown(leader, 'known')]).toEqual(['orphan', 'orphan']);
});

it('T5 a key that was written and deleted since stays deleted, heard of or not', async () => {
  const { old, leader } = deposed([put('new', 'orphan'), put('known', 'orphan')], (next) => {
    next.write([put('new', '2'), remove('new'), remove('known')]);
  });
  await offer(old, leader);
  expect(left(old)).toEqual(['put new kept', 'put known kept']);
  expect([shown(leader, 'new'), shown(leader, 'known')]).toEqual(['deleted', 'deleted']);
});

it('T5 a key that was deleted since stays deleted when its tombstone is gone', async () => {
  const { old, leader } = deposed([put('new', 'orphan'), put('known', 'orphan')], (next) => {
    next.write([put('new', '2'), remove('new'), remove('known')]);
    next.collect(next.tombstones());
  });
  expect(leader.rows()).toEqual([]);
  await offer(old, leader);
  expect(left(old)).toEqual(['put new kept', 'put known kept']);
  expect(leader.rows()).toEqual([]);
});

it('of several on one key only the newest is offered: what was deleted stays so', async () => {
  const { old, leader } = deposed(
    [put('k', 'a'), remove('k'), put('l', 'a'), put('l', 'b'), remove('known')],
    () => undefined,
  );
  await offer(old, leader);
  expect(left(old)).toEqual(['put k kept', 'put l kept']);
  expect(['k', 'l', 'known'].map((key) => shown(leader, key))).toEqual(['no row', 'b', 'deleted']);
});
