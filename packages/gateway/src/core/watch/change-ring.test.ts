import { lastSeqOf } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endOf, historyOf, plansOf } from '../../testing/history.ts';
import { ChangeRing } from './change-ring.ts';
import { changesOf } from './changes.ts';

describe('the ring of recent changes', () => {
  it('gives, from any position of the history, all that follows or says that it cannot', () => {
    fc.assert(
      fc.property(plansOf(12), fc.integer({ min: 500, max: 20_000 }), (plans, bytesMax) => {
        const history = historyOf(plans);
        const ring = new ChangeRing({ epoch: 0, seq: 0 }, bytesMax);
        for (const batch of history) ring.append(changesOf(batch));
        expect(ring.head).toEqual(endOf(history));
        expect(ring.bytes).toBeLessThanOrEqual(bytesMax);
        const at = [
          { epoch: 0, seq: 0 },
          ...history.flatMap(({ epoch, firstSeq, ops }) => ops.map((_, i) => ({ epoch, seq: firstSeq + i }))),
        ];
        let missed = true;
        for (const position of at) {
          const read = ring.read(position);
          // Once the ring reaches back to a position, it does to all later ones.
          if (read.kind !== 'missed') missed = false;
          expect(read.kind === 'missed').toBe(missed);
          if (missed) continue;
          const next = history.find((batch) => lastSeqOf(batch) > position.seq);
          expect(read).toEqual(next ? { kind: 'batch', batch: changesOf(next) } : { kind: 'caught-up' });
          expect(ring.read({ ...position, epoch: position.epoch + 7 }).kind, 'another history').toBe(
            'missed',
          );
        }
      }),
    );
  });

  it('waits for what is ahead of it, unless that is of an epoch that has ended', () => {
    const ring = new ChangeRing({ epoch: 3, seq: 10 }, 1000);
    expect(ring.read({ epoch: 3, seq: 12 })).toEqual({ kind: 'caught-up' });
    expect(ring.read({ epoch: 4, seq: 12 })).toEqual({ kind: 'caught-up' });
    expect(ring.read({ epoch: 2, seq: 12 })).toEqual({ kind: 'missed' });
  });

  it('takes no gap and no earlier epoch', () => {
    const ring = new ChangeRing({ epoch: 3, seq: 10 }, 1000);
    const batch = { changes: [], bytes: 1 };
    expect(() => ring.append({ ...batch, epoch: 3, firstSeq: 12, lastSeq: 12 })).toThrow(/gap/);
    expect(() => ring.append({ ...batch, epoch: 2, firstSeq: 11, lastSeq: 11 })).toThrow(/epochs/);
  });
});
