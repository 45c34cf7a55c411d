import { LeafDigests } from '@driftless/anti-entropy';
import { bucketCount, type Digest, xorDigest, zeroDigest } from '@driftless/contracts';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LeafXors } from './leaf-xors.ts';

const bucket = fc.integer({ min: 0, max: bucketCount - 1 });
const few = fc.constantFrom(0, 1, 255, 256, bucketCount - 1);
const digest = fc.uint8Array({ minLength: 16, maxLength: 16 });
const moves = fc.array(fc.tuple(fc.oneof(few, bucket), digest), { maxLength: 60, size: 'max' });

it('is what a map of XORs by bucket is, and comes back from its bytes', () => {
  fc.assert(
    fc.property(moves, (all) => {
      const expected = new Map<number, Digest>();
      for (const [at, xor] of all) expected.set(at, xorDigest(expected.get(at) ?? zeroDigest(), xor));
      for (const xors of [LeafXors.of(all), LeafXors.fromBytes(LeafXors.of(all).bytes())]) {
        expect([...xors]).toEqual([...expected]);
        expect([...xors.keys()]).toEqual([...expected.keys()]);
        expect(xors.size).toBe(expected.size);
        for (const at of [0, 7, ...expected.keys()]) expect(xors.get(at)).toEqual(expected.get(at));
        expect(xors.root()).toEqual([...expected.values()].reduce(xorDigest, zeroDigest()));
        const [moved, one] = [new LeafDigests(), new LeafDigests()];
        xors.move(moved);
        for (const [at, xor] of expected) one.xor(at, xor);
        expect(moved.bytes()).toEqual(one.bytes());
      }
    }),
  );
});

it('takes no bytes that are no moves', () => {
  expect(() => LeafXors.fromBytes(new Uint8Array(17))).toThrow(RangeError);
  expect(LeafXors.fromBytes(new Uint8Array(0)).size).toBe(0);
});
