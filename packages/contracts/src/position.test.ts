import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePositions, formatPosition, parsePosition, positionZero } from './position.ts';

const position = fc.record({ epoch: fc.maxSafeNat(), seq: fc.maxSafeNat() });
const near = fc.record({ epoch: fc.nat(3), seq: fc.nat(3) });

describe('positions', () => {
  it('are ordered by epoch, then by seq', () => {
    fc.assert(
      fc.property(near, near, (a, b) => {
        const expected = a.epoch * 10 + a.seq - (b.epoch * 10 + b.seq);
        expect(Math.sign(comparePositions(a, b))).toBe(Math.sign(expected));
      }),
    );
    expect(comparePositions({ epoch: 2, seq: 1 }, { epoch: 1, seq: 9 })).toBeGreaterThan(0);
    expect(comparePositions(positionZero, { epoch: 0, seq: 0 })).toBe(0);
  });

  it('have one text form each', () => {
    fc.assert(
      fc.property(position, (a) => {
        expect(parsePosition(formatPosition(a))).toEqual(a);
      }),
    );
    const readable = fc.string({ unit: fc.constantFrom('0', '1', '9', '-', ' ') });
    fc.assert(
      fc.property(readable, (text) => {
        const parsed = parsePosition(text);
        if (parsed) expect(formatPosition(parsed)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    '',
    '-',
    '1',
    '1-',
    '-1',
    '1--1',
    '01-1',
    '1-01',
    '1-1 ',
    ' 1-1',
    '1-1-1',
    '1.5-1',
    '1e3-1',
    '"1-1"',
  ])('are not %j', (text) => expect(parsePosition(text)).toBeUndefined());

  it('stay within the integers that are exact', () => {
    expect(parsePosition('9007199254740991-1')).toEqual({ epoch: Number.MAX_SAFE_INTEGER, seq: 1 });
    expect(parsePosition('9007199254740992-1')).toBeUndefined();
  });
});
