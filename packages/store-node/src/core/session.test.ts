import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeOf } from './session.ts';

const epochs = [
  { epoch: 1, firstSeq: 1 },
  { epoch: 2, firstSeq: 11 },
  { epoch: 4, firstSeq: 21 },
];
const at = { epoch: 4, seq: 30 };
const place = (epoch: number, seq: number) => placeOf({ epoch, seq }, at, () => epochs);

describe('the place of a position that a session has seen', () => {
  it('N1 applied: it is in the history up to here', () => {
    for (const [epoch, seq] of [
      [0, 0],
      [1, 1],
      [1, 10],
      [2, 11],
      [2, 20],
      [4, 21],
      [4, 30],
    ] as const)
      expect(place(epoch, seq)).toEqual({ kind: 'applied' });
  });

  it('N2 ahead: only what may still come', () => {
    for (const [epoch, seq] of [
      [4, 31],
      [5, 25],
      [5, 40],
    ] as const)
      expect(place(epoch, seq)).toEqual({ kind: 'ahead' });
  });

  it('N3 lost: past the end of its epoch, or of one that never came to be', () => {
    expect(place(1, 11)).toEqual({ kind: 'lost', agreed: { epoch: 1, seq: 10 } });
    expect(place(1, 99)).toEqual({ kind: 'lost', agreed: { epoch: 1, seq: 10 } });
    expect(place(2, 21)).toEqual({ kind: 'lost', agreed: { epoch: 2, seq: 20 } });
    expect(place(3, 25)).toEqual({ kind: 'lost', agreed: { epoch: 2, seq: 20 } });
    expect(place(3, 15)).toEqual({ kind: 'lost', agreed: { epoch: 2, seq: 15 } });
    expect(placeOf({ epoch: 1, seq: 3 }, { epoch: 2, seq: 4 }, () => [{ epoch: 2, firstSeq: 1 }])).toEqual({
      kind: 'lost',
      agreed: { epoch: 0, seq: 0 },
    });
  });

  it('N1–N3 in any history: applied exactly when an operation has that position', () => {
    const lengths = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 9 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(lengths, fc.nat(20), fc.nat(60), (parts, epoch, seq) => {
        const starts: { epoch: number; firstSeq: number }[] = [];
        const history = new Set<string>();
        let end = { epoch: 0, seq: 0 };
        for (const [step, length] of parts) {
          starts.push({ epoch: end.epoch + step, firstSeq: end.seq + 1 });
          end = { epoch: end.epoch + step, seq: end.seq + length };
          for (let i = 0; i < length; i += 1) history.add(`${end.epoch}-${end.seq - i}`);
        }
        // No epoch gives out seqs from before its beginning.
        fc.pre(!starts.some((start) => start.epoch === epoch && seq < start.firstSeq));
        const seen = placeOf({ epoch, seq }, end, () => starts);
        expect(seen.kind === 'applied').toBe(seq === 0 || history.has(`${epoch}-${seq}`));
        if (seen.kind === 'ahead')
          expect(epoch > end.epoch || (epoch === end.epoch && seq > end.seq)).toBe(true);
        if (seen.kind === 'lost') {
          expect(seen.agreed.seq).toBeLessThanOrEqual(seq);
          expect(placeOf(seen.agreed, end, () => starts).kind).toBe('applied');
        }
      }),
    );
  });
});
