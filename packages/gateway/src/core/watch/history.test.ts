import { lastSeqOf } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endOf, historyOf, pageOf, plansOf } from '../../testing/history.ts';
import { confirmedEnd, judgePage } from './history.ts';

const ops = [{ key: 'a/1', isDelete: false }];
const old = historyOf([
  { newEpoch: true, ops },
  { newEpoch: false, ops },
  { newEpoch: false, ops },
]);
/** Another leader began epoch 2 after the first batch of `old`: seqs 3 and 4 of epoch 1 are no history. */
const current = historyOf([
  { newEpoch: true, ops },
  { newEpoch: true, ops },
  { newEpoch: false, ops },
]);

describe('a page of a log', () => {
  it('leads on from any position, page by page, to the end: nothing missed, nothing twice', () => {
    fc.assert(
      fc.property(plansOf(12), fc.nat(), fc.integer({ min: 1, max: 4 }), (plans, start, batchesMax) => {
        const history = historyOf(plans);
        const end = endOf(history);
        const seen: number[] = [];
        const startSeq = start % (end.seq + 1);
        let at = {
          epoch: history.find((batch) => lastSeqOf(batch) >= startSeq)?.epoch ?? 0,
          seq: startSeq,
        };
        if (startSeq === 0) at = { epoch: 0, seq: 0 };
        for (;;) {
          const verdict = judgePage(at, pageOf(history, at.seq, batchesMax));
          if (verdict.kind !== 'follows') {
            expect(verdict.kind).toBe('nothing');
            break;
          }
          for (const batch of verdict.batches) {
            batch.ops.forEach((_, i) => {
              if (batch.firstSeq + i > at.seq) seen.push(batch.firstSeq + i);
            });
            at = { epoch: batch.epoch, seq: lastSeqOf(batch) };
          }
        }
        expect(at).toEqual(end);
        expect(seen).toEqual(Array.from({ length: end.seq - startSeq }, (_, i) => startSeq + 1 + i));
      }),
    );
  });

  it('is not used when the replica is behind', () => {
    expect(judgePage({ epoch: 2, seq: 9 }, pageOf(current, 9, 9))).toEqual({ kind: 'nothing' });
  });

  it('is not used when the replica has yet to cut its orphans off', () => {
    expect(judgePage({ epoch: 2, seq: 4 }, pageOf(old, 4, 9))).toEqual({ kind: 'stale' });
    expect(judgePage({ epoch: 2, seq: 3 }, pageOf(old, 3, 9))).toEqual({ kind: 'stale' });
  });

  it('tells that a position is past the end of its epoch', () => {
    expect(judgePage({ epoch: 1, seq: 2 }, pageOf(current, 2, 9)).kind).toBe('follows');
    expect(judgePage({ epoch: 1, seq: 3 }, pageOf(current, 3, 9))).toEqual({ kind: 'rolled-back' });
    expect(judgePage({ epoch: 1, seq: 900 }, pageOf(current, 900, 9))).toEqual({ kind: 'rolled-back' });
  });

  it('tells that the log was trimmed, and is used from where it begins', () => {
    const held = current[1]?.firstSeq ?? 0;
    expect(judgePage({ epoch: 1, seq: held - 2 }, pageOf(current, held - 2, 9, 1))).toEqual({
      kind: 'trimmed',
    });
    expect(judgePage({ epoch: 1, seq: held - 1 }, pageOf(current, held - 1, 9, 1)).kind).toBe('follows');
    const { firstSeq: _, ...empty } = pageOf(current, 0, 0);
    expect(judgePage({ epoch: 0, seq: 0 }, empty)).toEqual({ kind: 'trimmed' });
  });

  it('with a gap, without what it confirms, or past it is not sound', () => {
    const page = pageOf(current, 0, 9);
    const from = { epoch: 0, seq: 0 };
    expect(() => judgePage(from, { ...page, events: page.events.slice(1) })).toThrow(/gaps/);
    expect(() => judgePage(from, { ...page, events: page.events.toSpliced(1, 1) })).toThrow(/gaps/);
    expect(() => judgePage(from, { ...page, events: [] })).toThrow(/is in the log/);
    expect(() => judgePage(from, { ...page, confirmedSeq: 2 })).toThrow(/confirmed/);
  });

  it('says where the confirmed log ends', () => {
    expect(confirmedEnd(pageOf(current, 0, 9))).toEqual(endOf(current));
    expect(confirmedEnd(pageOf([], 0, 9))).toEqual({ epoch: 0, seq: 0 });
  });
});
