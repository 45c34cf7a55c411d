import {
  type Batch,
  decodeBatch,
  hash128,
  type Operation,
  xorDigest,
  zeroDigest,
} from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytes, increment, put, remove, TestReplica, text } from '../testing/replica.ts';
import { anyRequest } from '../testing/requests.ts';
import { endOfEpoch, judge, type Verdict } from './apply.ts';
import { changeOf } from './change.ts';
import type { Entry } from './entry.ts';
import { isDrifted } from './state.ts';

/** A batch of `count` operations as far as a judge looks at it. */
function batchAt(epoch: number, firstSeq: number, count = 1, starts = false, shard = 0): Batch {
  const ops: Operation[] = Array.from({ length: count }, () => ({ op: 'delete', key: 'k' }));
  if (starts) ops[0] = { op: 'epoch-started', node: 'node-1' };
  const roots = { prevRoot: zeroDigest(), postRoot: zeroDigest() };
  return { shard, epoch, firstSeq, ops, committedAt: 0, ...roots };
}

/** A leader and a follower that are equal, after `requests`. */
function pair(...requests: Parameters<TestReplica['event']>): { leader: TestReplica; follower: TestReplica } {
  const [leader, follower] = [new TestReplica(), new TestReplica()];
  leader.startEpoch(1);
  if (requests.length > 0) leader.write(requests);
  follower.followLogOf(leader);
  return { leader, follower };
}

function rowOf(replica: TestReplica, key: string): Entry {
  const row = replica.store.get(key);
  if (!row) throw new Error(`no row ${key}`);
  return row;
}

const none = { found: [], equalAgain: false };

describe('a replica at 3-20 meets', () => {
  const apply: Verdict = { kind: 'apply' };
  const duplicate: Verdict = { kind: 'duplicate' };
  const gap: Verdict = { kind: 'gap', afterSeq: 20 };
  const orphans = (afterSeq: number): Verdict => ({ kind: 'orphans', afterSeq });
  const halt = { kind: 'halt', reason: expect.any(String) };

  it.each<[string, Batch, unknown]>([
    ['A1 the next batch', batchAt(3, 21), apply],
    ['A1 the next batch, of several operations', batchAt(3, 21, 5), apply],
    ['A1 the next epoch right behind', batchAt(4, 21, 1, true), apply],
    ['A1 an epoch after one in which nothing was written here', batchAt(9, 21, 3, true), apply],
    ['A2 the last batch again', batchAt(3, 20), duplicate],
    ['A2 an old batch', batchAt(3, 1, 4), duplicate],
    ['A2 a batch of an old epoch', batchAt(1, 2), duplicate],
    ['A2 the beginning of its own epoch', batchAt(3, 15, 1, true), duplicate],
    ['A3 a batch past the next', batchAt(3, 22), gap],
    ['A3 an epoch that begins past the next', batchAt(4, 22, 1, true), gap],
    ['A3 a batch of a later epoch whose beginning it has not seen', batchAt(4, 21), gap],
    ['A3 a batch of a later epoch that seems old', batchAt(4, 10), gap],
    ['A4 an epoch that began before its end', batchAt(4, 20, 1, true), orphans(19)],
    ['A4 an epoch that began at the first seq', batchAt(4, 1, 30, true), orphans(0)],
    ['A5 a batch of another shard', batchAt(3, 21, 1, false, 1), halt],
    ['A5 another shard, even as a duplicate', batchAt(3, 2, 1, false, 1), halt],
    ['A5 a batch that overlaps the end', batchAt(3, 20, 2), halt],
    ['A5 an old epoch that goes on', batchAt(2, 21), halt],
    ['A5 an old epoch that goes on past a gap', batchAt(2, 30), halt],
  ])('%s', (_, batch, verdict) => {
    expect(judge(batch, 0, { epoch: 3, seq: 20 })).toEqual(verdict);
  });

  it('A1 an empty replica takes the first record of any epoch and nothing else', () => {
    const zero = { epoch: 0, seq: 0 };
    expect(judge(batchAt(1, 1, 1, true), 0, zero)).toEqual(apply);
    expect(judge(batchAt(7, 1, 1, true), 0, zero)).toEqual(apply);
    expect(judge(batchAt(1, 1), 0, zero)).toEqual({ kind: 'gap', afterSeq: 0 });
    expect(judge(batchAt(1, 5, 1, true), 0, zero)).toEqual({ kind: 'gap', afterSeq: 0 });
  });

  it('A1–A5 exactly one of these: never applied unless right behind, never skipped unless applied', () => {
    const small = fc.nat(6);
    fc.assert(
      fc.property(
        fc.record({ epoch: small, seq: small }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        (applied, epoch, firstSeq, count, starts) => {
          const { kind } = judge(batchAt(epoch, firstSeq, count, starts), 0, applied);
          if (kind === 'apply') expect(firstSeq).toBe(applied.seq + 1);
          if (kind === 'duplicate') expect(firstSeq + count - 1).toBeLessThanOrEqual(applied.seq);
          if (kind === 'duplicate') expect(epoch).toBeLessThanOrEqual(applied.epoch);
          if (kind === 'orphans') expect(starts && epoch > applied.epoch).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('where an epoch ended', () => {
  const epochs = [
    { epoch: 1, firstSeq: 1 },
    { epoch: 3, firstSeq: 15 },
    { epoch: 4, firstSeq: 18 },
  ];
  it.each([
    [1, 14],
    [2, 14],
    [3, 17],
    [4, undefined],
    [5, undefined],
  ])('A4 epoch %i ended at %s', (epoch, end) => expect(endOfEpoch(epoch, epochs)).toBe(end));
});

describe('A6 roots are compared at every event', () => {
  it('and a follower of the log has the entries and the root of the leader at each step', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(anyRequest, { maxLength: 6, size: 'max' }), { maxLength: 8, size: 'max' }),
        (batches) => {
          const { leader, follower } = pair();
          for (const requests of batches) {
            const { event } = leader.write(requests);
            if (!event) continue;
            expect(follower.apply(event)).toMatchObject(none);
            expect(follower.state.root).toEqual(leader.state.root);
            expect(follower.state.applied).toEqual(leader.state.applied);
            expect(follower.judge(event)).toEqual({ kind: 'duplicate' });
          }
          expect(follower.rows()).toEqual(leader.rows());
          expect(follower.rootOfRows()).toEqual(leader.state.root);
          expect(follower.store.leavesRoot()).toEqual(leader.state.root);
          expect(isDrifted(follower.state)).toBe(false);
        },
      ),
    );
  });

  it('keeps the event as it came, what it confirms, and where the stream stands', () => {
    const { leader, follower } = pair();
    const event = leader.event(put('a', '1'));
    follower.apply(event, { seq: 40 });
    const row = { firstSeq: 2, lastSeq: 2, epoch: 1, committedAt: 0, event: new Uint8Array(event) };
    expect(follower.store.logAt(2)).toEqual(row);
    expect(follower.state).toMatchObject({ confirmedSeq: 2, streamSeq: 40 });
    const [before, { event: next }] = [follower.state, leader.write([put('b', '1')])];
    if (next) follower.apply(next);
    expect(before).toMatchObject({ confirmedSeq: 2, streamSeq: 40 });
    expect(follower.store.epochs()).toEqual([{ epoch: 1, firstSeq: 1, node: 'node-1' }]);
  });
});

describe('A6 a row with a flipped value', () => {
  function withFlippedRow() {
    const { leader, follower } = pair(put('k', 'right'), put('other', 'x'));
    const row = rowOf(follower, 'k');
    follower.tamper({ ...row, value: Buffer.from('wrong') });
    return { leader, follower };
  }

  it('goes unseen by events on other keys: the kept digest is what is in the root', () => {
    const { leader, follower } = withFlippedRow();
    expect(follower.apply(leader.event(put('other', 'y')))).toMatchObject(none);
    expect(isDrifted(follower.state)).toBe(false);
  });

  it('is found when an event overwrites it; set aside, and suspect until proven sound', () => {
    const { leader, follower } = withFlippedRow();
    const applied = follower.apply(leader.event(put('k', 'new')));
    expect(applied).toMatchObject({ found: [{ reason: 'row', key: 'k' }], equalAgain: false });
    const [kept] = follower.store.quarantined();
    expect(kept).toMatchObject({ kind: 'row', name: 'k' });
    expect(text(kept?.bytes ?? bytes(''))).toBe('wrong');
    expect(follower.state).toMatchObject({ suspect: true, drift: zeroDigest() });
    expect(isDrifted(follower.state)).toBe(true);
    expect(follower.state.root).toEqual(leader.state.root);
    expect(follower.apply(leader.event(put('k', 'newer')))).toMatchObject(none);
    expect(isDrifted(follower.state)).toBe(true);
  });
});

describe('A6 a row whose digest column is flipped', () => {
  it('is found when an event overwrites it: row and root after', () => {
    const { leader, follower } = pair(put('k', 'v'));
    follower.tamper({ ...rowOf(follower, 'k'), digest: hash128(Buffer.from('other')) });
    const { found, equalAgain } = follower.apply(leader.event(put('k', 'w')));
    expect(found).toEqual([{ reason: 'row', key: 'k' }, { reason: 'after' }]);
    expect(equalAgain).toBe(false);
  });
});

describe('A6 a write that never came', () => {
  /** The follower's row `k` as if its last event had been skipped. */
  function withOldRow() {
    const { leader, follower } = pair(put('k', 'old'), put('other', 'x'));
    const old = rowOf(follower, 'k');
    follower.apply(leader.event(put('k', 'new')));
    const { state } = follower;
    const root = xorDigest(xorDigest(state.root, rowOf(follower, 'k').digest), old.digest);
    follower.tamper(old);
    follower.store.saveState({ ...state, root });
    const drift = xorDigest(root, leader.state.root);
    return { leader, follower, drift };
  }

  it('is found at the next event, whatever key it is on; once', () => {
    const { leader, follower, drift } = withOldRow();
    expect(follower.apply(leader.event(put('other', 'y')))).toMatchObject({
      found: [{ reason: 'before' }],
      equalAgain: false,
    });
    expect(follower.state.drift).toEqual(drift);
    expect(isDrifted(follower.state)).toBe(true);
    for (const request of [put('other', 'z'), remove('other'), increment('n')]) {
      expect(follower.apply(leader.event(request))).toMatchObject(none);
      expect(follower.state.drift).toEqual(drift);
    }
  });

  it('is gone, at a stated position, when the key is written again', () => {
    const { leader, follower } = withOldRow();
    follower.apply(leader.event(put('other', 'y')));
    expect(follower.apply(leader.event(put('k', 'newest')))).toMatchObject({ found: [], equalAgain: true });
    expect(isDrifted(follower.state)).toBe(false);
    expect(follower.rows()).toEqual(leader.rows());
    expect(follower.apply(leader.event(put('k', 'x')))).toMatchObject(none);
  });

  it('is found and gone at one event when that one overwrites it', () => {
    const { leader, follower } = withOldRow();
    const applied = follower.apply(leader.event(put('k', 'newest')));
    expect(applied.found).toEqual([{ reason: 'before' }]);
    expect(follower.state.drift).toEqual(zeroDigest());
    expect(follower.rows()).toEqual(leader.rows());
  });
});

describe('A6 rows that went missing or came from nowhere', () => {
  it('a dropped row is found when its key is written: the root after it is wrong', () => {
    const { leader, follower } = pair(put('k', 'v'));
    follower.store.commit(changeOf({ removed: ['k'], state: follower.state }));
    expect(follower.apply(leader.event(put('x', '1')))).toMatchObject(none);
    const applied = follower.apply(leader.event(put('k', 'w')));
    expect(applied.found).toEqual([{ reason: 'after' }]);
    expect(isDrifted(follower.state)).toBe(true);
  });

  it('an alien row is found when its key is written', () => {
    const { leader, follower } = pair(put('k', 'v'));
    follower.tamper({ ...rowOf(follower, 'k'), key: 'alien' });
    expect(follower.apply(leader.event(put('x', '1')))).toMatchObject(none);
    const { found } = follower.apply(leader.event(put('alien', 'w')));
    expect(found).toEqual([{ reason: 'row', key: 'alien' }, { reason: 'after' }]);
  });

  it('two drifts add up, and each goes with its own key', () => {
    const { leader, follower } = pair(put('a', '1'), put('b', '1'));
    const [a, b] = [rowOf(follower, 'a'), rowOf(follower, 'b')];
    follower.apply(leader.event(put('a', '2'), put('b', '2')));
    const now = xorDigest(rowOf(follower, 'a').digest, rowOf(follower, 'b').digest);
    const root = xorDigest(follower.state.root, xorDigest(now, xorDigest(a.digest, b.digest)));
    follower.tamper(a);
    follower.tamper(b);
    follower.store.saveState({ ...follower.state, root });
    expect(follower.apply(leader.event(put('x', '1'))).found).toEqual([{ reason: 'before' }]);
    const half = follower.apply(leader.event(put('a', '3')));
    expect(half).toMatchObject({ found: [{ reason: 'after' }], equalAgain: false });
    expect(follower.apply(leader.event(put('b', '3')))).toMatchObject({ found: [], equalAgain: true });
    expect(follower.rows()).toEqual(leader.rows());
  });

  it('an event under another root than the one it was made on drifts, and does not stop the replica', () => {
    const { leader, follower } = pair();
    const stranger = new TestReplica();
    stranger.startEpoch(1);
    stranger.write([put('k', 'from elsewhere')]);
    const event = stranger.event(put('l', 'x'));
    follower.apply(leader.event(put('k', 'ours')));
    expect(decodeBatch(event).prevRoot).not.toEqual(follower.state.root);
    expect(follower.apply(event).found).toEqual([{ reason: 'before' }]);
    expect(follower.state.applied).toEqual({ epoch: 1, seq: 3 });
  });
});
