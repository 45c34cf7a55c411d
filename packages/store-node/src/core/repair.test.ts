import { breakBy, type Repair } from '@driftless/anti-entropy';
import {
  bucketOf,
  type Digest,
  entryDigest,
  equalDigest,
  formatDigest,
  isZeroDigest,
  xorDigest,
  xorInto,
  zeroDigest,
} from '@driftless/contracts';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { put, TestReplica } from '../testing/replica.ts';
import { anyRequest } from '../testing/requests.ts';
import { changeOf } from './change.ts';
import type { Entry } from './entry.ts';
import { LeafXors } from './leaf-xors.ts';
import { planRepair } from './repair.ts';

afterEach(() => breakBy(undefined));

/** A leader, and a follower that is what the leader is. */
function pair(...requests: Parameters<TestReplica['write']>[0]) {
  const [leader, follower] = [new TestReplica(), new TestReplica()];
  leader.startEpoch(1);
  leader.write([put('k', 'v'), put('other', 'w'), ...requests]);
  follower.followLogOf(leader);
  return { leader, follower };
}

function planOf(ours: TestReplica, peer: TestReplica, bucket: number, repairs: readonly Repair[]) {
  const { store, state } = ours;
  return planRepair({
    state,
    epochs: store.epochs(),
    bucket,
    leaf: store.leaf(bucket),
    leavesRoot: store.leavesRoot(),
    rows: store.bucketRows(bucket),
    repairs,
    theirs: new Map(peer.store.bucketRows(bucket).map((row) => [row.key, row])),
  });
}

/** Plans it and carries it out. */
function repair(ours: TestReplica, peer: TestReplica, bucket: number, repairs: readonly Repair[]): string[] {
  const { change, healed } = planOf(ours, peer, bucket, repairs);
  if (change) ours.store.commit(change);
  return healed;
}

/** To have the peer's row, or none where it has none. */
function repairOf(key: string, ours: Entry | undefined, theirs: Entry | undefined): Repair {
  return {
    bucket: bucketOf(key),
    key,
    ...(ours && { ours: entryDigest(ours) }),
    ...(theirs && {
      theirs: { version: theirs, digest: formatDigest(theirs.digest), bytes: theirs.value.length },
    }),
    reason: 'a test',
  };
}

const like = (ours: TestReplica, peer: TestReplica, key: string): Repair =>
  repairOf(key, ours.store.get(key), peer.store.get(key));

function xorOfLeaves(replica: TestReplica): Digest {
  const sum = zeroDigest();
  for (let bucket = 0; bucket < 4096; bucket += 1) xorInto(sum, replica.store.leaf(bucket));
  return sum;
}

describe('R1 a repair meets the row that was looked at, or does nothing', () => {
  it('takes the peer’s row in the place of ours', () => {
    const { leader, follower } = pair();
    const row = follower.store.get('k') as Entry;
    follower.tamper({ ...row, value: Buffer.from('?') });
    expect(repair(follower, leader, bucketOf('k'), [like(follower, leader, 'k')])).toEqual(['k']);
    expect(follower.rows()).toEqual(leader.rows());
    expect(follower.store.quarantined()).toMatchObject([{ kind: 'row', name: 'k', reason: 'a test' }]);
    expect(Buffer.from(follower.store.quarantined()[0]?.bytes ?? []).toString()).toBe('?');
  });

  it('leaves a row alone that was written since', () => {
    const { leader, follower } = pair();
    const looked = like(follower, leader, 'k');
    leader.write([put('k', 'newer')]);
    follower.followLogOf(leader);
    const { change, healed } = planOf(follower, leader, bucketOf('k'), [looked]);
    expect(healed).toEqual([]);
    expect(change).toBeUndefined();
  });

  it('leaves a row alone that came where there was none', () => {
    const { leader, follower } = pair();
    const looked = repairOf('k', undefined, leader.store.get('k'));
    expect(planOf(follower, leader, bucketOf('k'), [looked]).healed).toEqual([]);
  });

  it('does not take a row that is another one at the peer by now, or gone', () => {
    const { leader, follower } = pair();
    follower.tamper({ ...(follower.store.get('k') as Entry), value: Buffer.from('?') });
    const looked = like(follower, leader, 'k');
    leader.write([put('k', 'newer')]);
    expect(planOf(follower, leader, bucketOf('k'), [looked]).healed).toEqual([]);
    leader.store.commit(changeOf({ removed: ['k'], state: leader.state }));
    expect(planOf(follower, leader, bucketOf('k'), [looked]).healed).toEqual([]);
  });

  it('does not take what we have not come to, and no orphan', () => {
    const { leader, follower } = pair();
    leader.write([put('ahead', '1')]);
    const ahead = repairOf('ahead', undefined, leader.store.get('ahead'));
    expect(planOf(follower, leader, bucketOf('ahead'), [ahead]).healed).toEqual([]);
    follower.startEpoch(2);
    follower.write([put('x', '1')]);
    const orphan = repairOf('ahead', undefined, leader.store.get('ahead'));
    expect(planOf(follower, leader, bucketOf('ahead'), [orphan]).healed).toEqual([]);
  });

  it('done twice changes nothing the second time', () => {
    const { leader, follower } = pair();
    follower.tamper({ ...(follower.store.get('k') as Entry), value: Buffer.from('?') });
    const looked = like(follower, leader, 'k');
    repair(follower, leader, bucketOf('k'), [looked]);
    expect(planOf(follower, leader, bucketOf('k'), [looked])).toEqual({ change: undefined, healed: [] });
  });

  it('of a row that is equal sets nothing aside', () => {
    const { leader, follower } = pair();
    expect(repair(follower, leader, bucketOf('k'), [like(follower, leader, 'k')])).toEqual(['k']);
    expect(follower.store.quarantined()).toEqual([]);
  });
});

describe('R2 afterwards leaf, root and drift follow from the rows', () => {
  it('where a dropped row was written again, which left leaf and root wrong', () => {
    const { leader, follower } = pair();
    const dropped = follower.store.get('k') as Entry;
    follower.store.commit(changeOf({ removed: ['k'], state: follower.state }));
    follower.apply(leader.event(put('k', 'newer')));
    expect(equalDigest(follower.state.drift, dropped.digest)).toBe(true);
    expect(follower.rows()).toEqual(leader.rows());
    repair(follower, leader, bucketOf('k'), []);
    expect(isZeroDigest(follower.state.drift)).toBe(true);
    expect(equalDigest(follower.state.root, leader.state.root)).toBe(true);
  });

  it('where a leaf was spoiled', () => {
    const { leader, follower } = pair();
    const spoiled = LeafXors.of([[bucketOf('k'), new Uint8Array(16).fill(1)]]);
    follower.store.commit(changeOf({ leafXors: spoiled, state: follower.state }));
    repair(follower, leader, bucketOf('k'), []);
    expect(follower.store.leavesRoot()).toEqual(leader.store.leavesRoot());
    expect(isZeroDigest(follower.state.drift)).toBe(true);
  });

  it('and a leaf that is spoiled elsewhere shows as drift from then on', () => {
    const { leader, follower } = pair();
    const xor = new Uint8Array(16).fill(1);
    const state = follower.state;
    follower.store.commit(changeOf({ leafXors: LeafXors.of([[bucketOf('other'), xor]]), state }));
    repair(follower, leader, bucketOf('k'), [like(follower, leader, 'k')]);
    expect(follower.state.drift).toEqual(xor);
  });

  it('as a property: whatever was damaged, repairs of all keys lead to the leader’s state', () => {
    const damages = fc.array(
      fc.record({
        kind: fc.constantFrom('flip', 'drop', 'alien', 'spoil', 'older'),
        at: fc.nat(),
        byte: fc.nat(255),
      }),
      { minLength: 1, maxLength: 6 },
    );
    const batches = fc.array(fc.array(anyRequest, { minLength: 1, maxLength: 6 }), { maxLength: 5 });
    fc.assert(
      fc.property(batches, damages, batches, (before, damaged, after) => {
        const { leader, follower } = pair();
        for (const requests of before) leader.write(requests);
        follower.followLogOf(leader);
        for (const damage of damaged) spoil(follower, damage);
        for (const requests of after) leader.write(requests);
        follower.followLogOf(leader);
        const keys = new Set([...leader.rows(), ...follower.rows()].map(({ key }) => key));
        for (const key of keys) repair(follower, leader, bucketOf(key), [like(follower, leader, key)]);
        for (let bucket = 0; bucket < 4096; bucket += 1) repair(follower, leader, bucket, []);
        expect(follower.rows()).toEqual(leader.rows());
        expect(equalDigest(follower.state.root, leader.state.root)).toBe(true);
        expect(isZeroDigest(follower.state.drift)).toBe(true);
        expect(xorOfLeaves(follower)).toEqual(leader.store.leavesRoot());
      }),
      { numRuns: 30 },
    );
  });
});

it('R3 a repair that forgets the tree is seen by the next audit of the bucket', () => {
  const { leader, follower } = pair();
  follower.store.commit(changeOf({ removed: ['k'], state: follower.state }));
  follower.apply(leader.event(put('k', 'newer')));
  breakBy('forget-tree-in-repair');
  repair(follower, leader, bucketOf('k'), []);
  expect(isZeroDigest(follower.state.drift)).toBe(false);
  breakBy(undefined);
  repair(follower, leader, bucketOf('k'), []);
  expect(isZeroDigest(xorDigest(follower.state.root, leader.state.root))).toBe(true);
});

function spoil(replica: TestReplica, { kind, at, byte }: { kind: string; at: number; byte: number }): void {
  const { store, state } = replica;
  const rows = [...store.snapshot().entries];
  const row = rows[at % rows.length] as Entry;
  if (kind === 'flip') replica.tamper({ ...row, value: Buffer.from(`${byte}`) });
  if (kind === 'drop') store.commit(changeOf({ removed: [row.key], state }));
  if (kind === 'alien') replica.tamper({ ...row, key: `alien-${byte}` });
  if (kind === 'older') {
    const older = { ...row, seq: 1, value: Buffer.from('older') };
    replica.tamper({ ...older, digest: entryDigest(older) });
  }
  if (kind === 'spoil') {
    const leafXors = LeafXors.of([[at % 4096, new Uint8Array(16).fill(byte)]]);
    store.commit(changeOf({ leafXors, state }));
  }
}
