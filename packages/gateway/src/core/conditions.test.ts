import { formatPosition } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entityTag, entityTagsMax, matches, parseIfMatch, parseIfNoneMatch } from './conditions.ts';

describe('entity tag lists', () => {
  it.each([
    ['*', '*', '*'],
    [' * ', '*', '*'],
    ['"3-120"', ['3-120'], ['3-120']],
    ['"3-120", "4-1"', ['3-120', '4-1'], ['3-120', '4-1']],
    ['"3-120","4-1"', ['3-120', '4-1'], ['3-120', '4-1']],
    ['W/"3-120"', [], ['3-120']],
    ['W/"3-120", "4-1"', ['4-1'], ['3-120', '4-1']],
    ['"abc"', [], []],
    ['"03-1"', [], []],
    ['""', [], []],
    ['"a,b", "3-1"', ['3-1'], ['3-1']],
  ])('%s', (header, ifMatch, ifNoneMatch) => {
    expect(parseIfMatch(header)).toEqual(ifMatch);
    expect(parseIfNoneMatch(header)).toEqual(ifNoneMatch);
  });

  it.each(['', ' ', '3-120', '"3-120', '"3-120" "4-1"', 'w/"3-120"', '*, "3-120"', '"a"b', '"3-1",,"4-1" x'])(
    'refuses %j',
    (header) => {
      expect(() => parseIfMatch(header)).toThrow(/If-Match/);
      expect(() => parseIfNoneMatch(header)).toThrow(/If-None-Match/);
    },
  );

  it('refuses more tags than it reads', () => {
    const list = (count: number): string => Array.from({ length: count }, () => '"1-1"').join(',');
    expect(parseIfMatch(list(entityTagsMax))).toHaveLength(entityTagsMax);
    expect(() => parseIfMatch(list(entityTagsMax + 1))).toThrow(/at most/);
  });

  it('reads back what it wrote', () => {
    const positions = fc.record({ epoch: fc.nat(), seq: fc.nat() });
    fc.assert(
      fc.property(fc.array(positions, { minLength: 1, maxLength: 10 }), (list) => {
        const versions = list.map(formatPosition);
        expect(parseIfMatch(versions.map(entityTag).join(', '))).toEqual(versions);
      }),
    );
  });
});

describe('matches', () => {
  it('takes any version for *, and none for a key that is not there', () => {
    expect(matches('*', '1-1')).toBe(true);
    expect(matches('*', undefined)).toBe(false);
    expect(matches(['1-1'], '1-1')).toBe(true);
    expect(matches(['1-1'], '1-2')).toBe(false);
    expect(matches([], '1-1')).toBe(false);
  });
});
