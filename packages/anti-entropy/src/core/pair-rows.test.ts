import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packRows, pairRows, rowBytes } from './pair-rows.ts';

/** Few of both, so that hashes and whole rows are met again, on one side and across. */
const row = fc.record({ hash: fc.nat(9), digest: fc.nat(5) });
const side = fc.uniqueArray(row, { maxLength: 12, selector: ({ hash, digest }) => hash * 10 + digest });
const hex = (digits: number, number: number): string => `${number}`.repeat(digits);

type Rows = { hash: number; digest: number }[];
const pack = (rows: Rows): Uint8Array => {
  return packRows(rows.map(({ hash, digest }) => hex(16, hash) + hex(32, digest)));
};
const under = (rows: Rows, hash: string): string[] =>
  rows.flatMap((row) => (hex(16, row.hash) === hash ? [hex(32, row.digest)] : [])).sort();
const texts = (digests: readonly Uint8Array[]): string[] =>
  digests.map((digest) => Buffer.from(digest).toString('hex')).sort();

describe('two listings side by side', () => {
  it('have every row of either under its hash, or those that differ', () => {
    fc.assert(
      fc.property(side, side, (ours, theirs) => {
        const [a, b] = [pack(ours), pack(theirs)];
        const { pairs } = pairRows(a, b, 'all');
        const hashes = [...new Set([...ours, ...theirs].map(({ hash }) => hex(16, hash)))].sort();
        expect(pairs.map(({ hash }) => hash)).toEqual(hashes);
        for (const { hash, ours: mine, theirs: yours, equal } of pairs) {
          expect([texts(mine), texts(yours)]).toEqual([under(ours, hash), under(theirs, hash)]);
          expect(equal).toBe(texts(mine).join() === texts(yours).join());
        }
        const differing = pairs.filter(({ equal }) => !equal).map(({ hash }) => hash);
        const some = pairRows(a, b, 'differing').pairs;
        expect([...new Set(some.map(({ hash }) => hash))]).toEqual(differing);
        for (const { hash, ours: mine, theirs: yours } of some) {
          // What both have is no difference; each of the others is told.
          const [only, other] = [under(ours, hash), under(theirs, hash)];
          expect(texts(mine)).toEqual(
            expect.arrayContaining(only.filter((digest) => !other.includes(digest))),
          );
          expect(texts(yours)).toEqual(
            expect.arrayContaining(other.filter((digest) => !only.includes(digest))),
          );
        }
      }),
    );
  });

  it('are packed in the order of their bytes', () => {
    fc.assert(
      fc.property(side, (rows) => {
        const packed = Buffer.from(pack(rows)).toString('hex');
        const cut = Array.from({ length: rows.length }, (_, i) =>
          packed.slice(i * 2 * rowBytes, (i + 1) * 2 * rowBytes),
        );
        expect(cut).toEqual(cut.toSorted());
        expect(packed).toHaveLength(rows.length * 2 * rowBytes);
      }),
    );
  });
});
