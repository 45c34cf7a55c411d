import { type Batch, decodeBatch } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { put, remove, TestReplica } from '../testing/replica.ts';
import { anyRequest } from '../testing/requests.ts';
import { isDrifted, isSettling } from './state.ts';

/** What a leader does in turn: a batch of requests, or it removes what it has deleted for good. */
type Steps = readonly (Parameters<TestReplica['write']>[0] | 'collect')[];

function lead(replica: TestReplica, steps: Steps): void {
  for (const step of steps) {
    if (step !== 'collect') replica.write(step);
    else if (replica.tombstones().length > 0) replica.collect(replica.tombstones());
  }
}

/** A deposed leader with orphans, and the leader of the epoch that began without them. */
function split(common: Steps, orphaned: Steps, after: Steps) {
  const [old, next] = [new TestReplica(), new TestReplica()];
  old.startEpoch(1);
  lead(old, common);
  next.followLogOf(old);
  const endSeq = next.state.applied.seq;
  lead(old, orphaned);
  const begun = next.startEpoch(2);
  lead(next, after);
  return { old, next, endSeq, begun };
}

function batchesAfter(replica: TestReplica, seq: number): Batch[] {
  return replica.store.log(seq, Number.POSITIVE_INFINITY).map(({ event }) => decodeBatch(event));
}

describe('the cut of a deposed leader', () => {
  it('C1 ends the log and the position where its epoch ended', () => {
    const { old, next, endSeq } = split([[put('a', '1')]], [[put('a', '2')], [put('b', '1')]], []);
    expect(endSeq).toBe(2);
    old.cut(endSeq, next);
    expect(old.state).toMatchObject({ applied: { epoch: 1, seq: 2 }, settleSeq: 0 });
    expect(old.store.logRange()).toEqual({ firstSeq: 1, lastSeq: 2 });
    expect(old.rows()).toEqual(next.rows());
    expect(old.state.root).toEqual(next.state.root);
  });

  it('C1 drops epochs that began past the cut, and knows which epoch the end is in', () => {
    const { old, next } = split([[put('a', '1')]], [], []);
    old.startEpoch(3);
    old.write([put('a', '3')]);
    old.startEpoch(4);
    old.cut(3, next);
    expect(old.state.applied).toEqual({ epoch: 3, seq: 3 });
    old.cut(2, next);
    expect(old.state.applied).toEqual({ epoch: 1, seq: 2 });
    expect(old.store.epochs().map(({ epoch }) => epoch)).toEqual([1]);
    old.cut(0, new TestReplica());
    expect(old.state.applied).toEqual({ epoch: 0, seq: 0 });
    expect(old.rows()).toEqual([]);
  });

  it('C1 the replica set is again the one that was in force at the cut', () => {
    const [old, next] = [new TestReplica(), new TestReplica()];
    old.startEpoch(1, 'a', ['a', 'b']);
    old.write([put('k', '1')]);
    next.followLogOf(old);
    expect(next.state.set).toEqual({ seq: 1, members: ['a', 'b'] });
    old.startEpoch(2, 'a', ['a']);
    expect(old.state.set).toEqual({ seq: 3, members: ['a'] });
    old.cut(2, next);
    expect(old.state.set).toEqual({ seq: 1, members: ['a', 'b'] });
    expect(old.store.sets()).toEqual([{ seq: 1, members: ['a', 'b'] }]);
    old.cut(0, new TestReplica());
    expect(old.state.set).toEqual({ seq: 0, members: [] });
  });

  it('C1 takes back what the orphans confirmed and answered', () => {
    const once = { idempotency: { id: 'once', fingerprint: 'f' } };
    const { old, next, endSeq } = split([[put('a', '1')]], [[put('a', '2', once)]], []);
    old.store.saveState({ ...old.state, confirmedSeq: 3 });
    old.cut(endSeq, next);
    expect(old.state.confirmedSeq).toBe(2);
    expect(old.store.answer('once')).toBeUndefined();
  });

  it('C2 keeps every operation on a key past the cut as an orphan, once, with its version', () => {
    const once = { idempotency: { id: 'once', fingerprint: 'f' } };
    const orphaned = [[put('a', '2'), remove('a')], [put('b', '1')], [remove('none', once)]];
    const { old, next, endSeq } = split([[put('a', '1')]], orphaned, []);
    old.cut(endSeq, next);
    expect(old.store.orphans().map(({ version, operation }) => [version.seq, operation.op])).toEqual([
      [3, 'put'],
      [4, 'delete'],
      [5, 'put'],
    ]);
    expect(old.store.counts().orphans).toBe(3);
  });

  it('C3 removes keys that the new history does not have, and leaves others alone', () => {
    const { old, next, endSeq } = split(
      [[put('a', '1'), put('b', '1')]],
      [[put('new', '1'), remove('a')]],
      [],
    );
    const untouched = old.store.get('b');
    const change = old.cut(endSeq, next);
    expect(change.removed).toEqual(['new']);
    expect(change.entries.map(({ key }) => key)).toEqual(['a']);
    expect(old.store.get('new')).toBeUndefined();
    expect(old.store.get('b')).toEqual(untouched);
  });

  it('C4 settles while a row put back is newer than the position, without an alarm', () => {
    const { old, next, endSeq } = split(
      [[put('a', '1')]],
      [[put('a', 'orphan')]],
      [[put('a', '2')], [put('x', '1')], [put('a', '3')], [put('y', '1')]],
    );
    old.cut(endSeq, next);
    expect(old.state.settleSeq).toBe(6);
    const states = batchesAfter(next, endSeq).map(({ firstSeq }) => {
      // Equal from the first event on that writes the row put back.
      expect(isSettling(old.state)).toBe(firstSeq <= 4);
      expect(isDrifted(old.state)).toBe(false);
      const event = next.store.logAt(firstSeq)?.event;
      return event && old.apply(event);
    });
    expect(states.flatMap((applied) => applied?.found)).toEqual([]);
    expect(states.map((applied) => applied?.equalAgain)).toEqual([false, true, false, false, false]);
    expect(old.rows()).toEqual(next.rows());
  });

  it('C4 settles until a row is removed for good that it has put back no more', () => {
    const { old, next, endSeq } = split(
      [[put('gone', '1'), put('other', '1')], [remove('gone')]],
      [[put('gone', 'orphan')]],
      [[put('x', '1')], 'collect', [put('y', '1')]],
    );
    old.cut(endSeq, next);
    expect(old.store.get('gone')).toBeUndefined();
    expect(old.state.settleSeq).toBe(7);
    const places = batchesAfter(next, endSeq).map(({ firstSeq }) => {
      const event = next.store.logAt(firstSeq)?.event;
      const found = event && old.apply(event).found;
      return { firstSeq, found, settling: isSettling(old.state), drifted: isDrifted(old.state) };
    });
    expect(places).toEqual(
      [5, 6, 7, 8].map((firstSeq) => ({ firstSeq, found: [], settling: firstSeq < 7, drifted: false })),
    );
    expect(old.rows()).toEqual(next.rows());
  });

  it('T4 a record of removals that is cut off is void: the rows come back, and it is no orphan', () => {
    const { old, next, endSeq } = split(
      [
        [put('a', '1'), put('b', '1'), put('c', '1')],
        [remove('a'), remove('b'), remove('c')],
      ],
      ['collect'],
      [[put('b', '2')], [remove('b')]],
    );
    expect(old.rows()).toEqual([]);
    old.cut(endSeq, next);
    expect(old.store.orphans()).toEqual([]);
    expect(old.store.get('a')).toMatchObject({ epoch: 1, seq: 5, tombstone: true });
    expect(old.followLogOf(next)).toEqual([]);
    expect(old.rows()).toEqual(next.rows());
    expect(old.state.root).toEqual(next.state.root);
    expect(old.state.collected).toEqual({ seq: endSeq, epoch: 1 });
  });

  it('C4 reports damage that it meets while settling', () => {
    const { old, next, endSeq } = split(
      [[put('a', '1'), put('rotten', '1')]],
      [[put('a', 'orphan')]],
      [[put('rotten', '2')], [put('a', '2')]],
    );
    const row = old.store.get('rotten');
    if (row) old.tamper({ ...row, value: Buffer.from('x') });
    old.cut(endSeq, next);
    expect(old.followLogOf(next)).toEqual([{ reason: 'row', key: 'rotten' }]);
    expect(isDrifted(old.state)).toBe(true);
  });

  it('C4 does not take a drift that was there before for settling', () => {
    const { old, next, endSeq } = split([[put('a', '1')]], [[put('b', '1')]], [[put('c', '1')]]);
    const alien = next.store.get('a');
    if (alien) old.store.saveState({ ...old.state, root: alien.digest });
    old.cut(endSeq, next);
    expect(isSettling(old.state)).toBe(false);
    expect(isDrifted(old.state)).toBe(true);
  });

  it('C1–C4, T4 after any history leads, with the new one, to equal entries and roots, without alarm', () => {
    const requests = fc.array(anyRequest, { minLength: 1, maxLength: 5, size: 'max' });
    const step = fc.oneof({ weight: 3, arbitrary: requests }, fc.constant('collect' as const));
    const batches = fc.array(step, { maxLength: 6, size: 'max' });
    fc.assert(
      fc.property(batches, batches, batches, batches, (common, orphaned, after, later) => {
        const { old, next, endSeq } = split(common, orphaned, after);
        const lost = batchesAfter(old, endSeq).flatMap(({ firstSeq, ops }) =>
          ops.flatMap((op, index) => ('key' in op ? [[firstSeq + index, op.op, op.key]] : [])),
        );
        if (old.state.applied.seq > endSeq) old.cut(endSeq, next);
        expect(old.store.leavesRoot()).toEqual(old.state.root);
        expect(old.rootOfRows()).toEqual(old.state.root);
        lead(next, later);
        for (const { firstSeq } of batchesAfter(next, endSeq)) {
          const event = next.store.logAt(firstSeq)?.event;
          expect(isDrifted(old.state)).toBe(false);
          if (event) expect(old.apply(event).found).toEqual([]);
          expect(old.store.leavesRoot()).toEqual(old.state.root);
        }
        expect(isSettling(old.state)).toBe(false);
        expect(old.rows()).toEqual(next.rows());
        expect(old.state.root).toEqual(next.state.root);
        const kept = old.store.orphans().map(({ version, operation }) => {
          return [version.seq, operation.op, 'key' in operation && operation.key];
        });
        expect(kept).toEqual(lost);
      }),
      { numRuns: 300 },
    );
  });
});
