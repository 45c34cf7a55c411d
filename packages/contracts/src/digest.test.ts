import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalForm,
  type DigestInput,
  digestBytes,
  endOfForm,
  entryDigest,
  equalDigest,
  formatDigest,
  hash128,
  isZeroDigest,
  parseDigest,
  xorDigest,
  xorInto,
  zeroDigest,
} from './digest.ts';

const digest = fc.uint8Array({ minLength: digestBytes, maxLength: digestBytes });
const text = fc.string({ unit: 'grapheme', maxLength: 6 });
const input: fc.Arbitrary<DigestInput> = fc.record({
  key: text,
  epoch: fc.nat(12),
  seq: fc.nat(120),
  tombstone: fc.boolean(),
  value: text.map((value) => new TextEncoder().encode(value)),
  contentType: text,
  expiresAt: fc.option(fc.nat(120)),
});
const same = (a: DigestInput, b: DigestInput): boolean =>
  a.key === b.key &&
  a.epoch === b.epoch &&
  a.seq === b.seq &&
  a.tombstone === b.tombstone &&
  Buffer.compare(a.value, b.value) === 0 &&
  a.contentType === b.contentType &&
  a.expiresAt === b.expiresAt;

/** The same bytes in a row, but the borders between key, content type and value elsewhere. */
function cutAnew(all: string, first: number, second: number): DigestInput {
  const [a, b] = [Math.min(first, second), Math.max(first, second)];
  const value = new TextEncoder().encode(all.slice(b));
  const fixed = { epoch: 1, seq: 2, tombstone: false, expiresAt: null };
  return { ...fixed, key: all.slice(0, a), contentType: all.slice(a, b), value };
}

describe('the digest of an entry', () => {
  it('is SHA-256 of the canonical form, cut to 128 bits', () => {
    const value = new Uint8Array([0, 10, 255]);
    const entry = { key: 'ß', epoch: 3, seq: 7, tombstone: false, value, contentType: 't/x', expiresAt: 9 };
    const form = Buffer.concat([Buffer.from('2 3 3 3 7 0 9\nßt/x'), value]);
    const expected = createHash('sha256').update(form).digest('hex').slice(0, 32);
    expect(formatDigest(entryDigest(entry))).toBe(expected);
  });

  it('is made of forms that say where they end', () => {
    const ends = (forms: Uint8Array[]): number[] => {
      let end = 0;
      return forms.map(({ length }) => (end += length));
    };
    fc.assert(
      fc.property(fc.array(input, { maxLength: 5 }), (entries) => {
        const forms = entries.map(canonicalForm);
        const bytes = Buffer.concat(forms);
        const found: number[] = [];
        for (let at = 0; at < bytes.length; at = found.at(-1) as number) found.push(endOfForm(bytes, at));
        expect(found).toEqual(ends(forms));
        expect(entries.map(entryDigest)).toEqual(forms.map(hash128));
        const cut = bytes.subarray(0, -1);
        if (forms.length > 0)
          expect(() => endOfForm(cut, cut.length + 1 - (forms.at(-1)?.length ?? 0))).toThrow(RangeError);
      }),
    );
    expect(() => endOfForm(Buffer.from('1 x 1 1 1 0 -\n'), 0)).toThrow(RangeError);
  });

  it('is that of the canonical form, for any texts and numbers', () => {
    const number = fc.oneof(fc.maxSafeNat(), fc.nat(), fc.nat(120), fc.constantFrom(2 ** 31 - 1, 2 ** 31));
    const wide = fc.string({ unit: 'binary', maxLength: 40 });
    const any = fc.record({
      ...{ key: wide, epoch: number, seq: number, tombstone: fc.boolean(), contentType: wide },
      ...{ value: fc.uint8Array({ maxLength: 40 }), expiresAt: fc.option(fc.oneof(number, fc.double())) },
    });
    fc.assert(
      fc.property(any, ({ key, contentType, value, epoch, seq, tombstone, expiresAt }) => {
        const lengths = [Buffer.byteLength(key), Buffer.byteLength(contentType), value.length];
        const line = [...lengths, epoch, seq, tombstone ? 1 : 0, expiresAt ?? '-'].join(' ');
        const expected = hash128(Buffer.concat([Buffer.from(`${line}\n${key}${contentType}`), value]));
        const entry = { key, contentType, value, epoch, seq, tombstone, expiresAt };
        expect(equalDigest(entryDigest(entry), expected)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('differs when any field differs', () => {
    fc.assert(
      fc.property(input, input, (a, b) => {
        expect(equalDigest(entryDigest(a), entryDigest(b))).toBe(same(a, b));
      }),
      { numRuns: 2000 },
    );
  });

  it('differs when bytes move from one field to the next', () => {
    const all = '12 1 0 1\n-text';
    const border = fc.nat(all.length);
    fc.assert(
      fc.property(border, border, border, border, (a, b, c, d) => {
        const [left, right] = [cutAnew(all, a, b), cutAnew(all, c, d)];
        expect(equalDigest(entryDigest(left), entryDigest(right))).toBe(same(left, right));
      }),
    );
  });

  it('changes with every bit of the value, also past the size of the scratch space', () => {
    const value = new Uint8Array(200_000).fill(7);
    const entry = { key: 'k', epoch: 1, seq: 1, tombstone: false, contentType: '', expiresAt: null };
    const before = entryDigest({ ...entry, value });
    for (const at of [0, 65_535, 65_536, 199_999]) {
      const flipped = value.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      expect(equalDigest(entryDigest({ ...entry, value: flipped }), before)).toBe(false);
    }
    expect(equalDigest(entryDigest({ ...entry, value }), before)).toBe(true);
  });
});

describe('digests', () => {
  it('form a group under XOR in which each is its own inverse', () => {
    fc.assert(
      fc.property(digest, digest, digest, (a, b, c) => {
        expect(xorDigest(a, xorDigest(b, c))).toEqual(xorDigest(xorDigest(a, b), c));
        expect(xorDigest(a, b)).toEqual(xorDigest(b, a));
        expect(isZeroDigest(xorDigest(a, a))).toBe(true);
        expect(xorDigest(a, zeroDigest())).toEqual(a);
        const target = a.slice();
        xorInto(target, b);
        expect(target).toEqual(xorDigest(a, b));
        expect(equalDigest(a, b)).toBe(Buffer.compare(a, b) === 0);
      }),
    );
  });

  it('have one text form each', () => {
    fc.assert(
      fc.property(digest, (a) => {
        expect(parseDigest(formatDigest(a))).toEqual(a);
      }),
    );
    const view = new Uint8Array(20).fill(1).subarray(2, 18);
    expect(formatDigest(view)).toBe('01'.repeat(16));
    for (const wrong of ['', '0'.repeat(31), '0'.repeat(33), 'A'.repeat(32), `${'0'.repeat(31)}g`]) {
      expect(() => parseDigest(wrong)).toThrow(RangeError);
    }
  });

  it('are cut from SHA-256', () => {
    const expected = createHash('sha256').update('abc').digest('hex').slice(0, 32);
    expect(formatDigest(hash128(Buffer.from('abc')))).toBe(expected);
  });
});
