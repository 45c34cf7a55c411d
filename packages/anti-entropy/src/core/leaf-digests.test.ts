import { bucketCount, bucketOf, entryDigest, hash128, xorDigest, zeroDigest } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LeafDigests, leavesBytes } from './leaf-digests.ts';

const bucket = fc.integer({ min: 0, max: bucketCount - 1 });
const digest = fc.uint8Array({ minLength: 16, maxLength: 16 });

describe('leaves', () => {
  it('follow a plain map of buckets through any sequence of changes', () => {
    const change = fc.record({ how: fc.constantFrom('xor', 'set'), bucket, digest });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const leaves = new LeafDigests();
        const model = new Map<number, Uint8Array>();
        for (const { how, bucket, digest } of changes) {
          const before = model.get(bucket) ?? zeroDigest();
          model.set(bucket, how === 'set' ? digest : xorDigest(before, digest));
          if (how === 'set') leaves.set(bucket, digest);
          else leaves.xor(bucket, digest);
        }
        for (const [bucket, expected] of model) expect(leaves.get(bucket)).toEqual(expected);
        expect(leaves.root()).toEqual([...model.values()].reduce(xorDigest, zeroDigest()));
      }),
    );
  });

  it('have as root the XOR of all entries, whatever was overwritten and removed on the way', () => {
    const write = fc.record({ key: fc.string({ minLength: 1, maxLength: 3 }), value: fc.string() });
    fc.assert(
      fc.property(fc.array(write, { maxLength: 100 }), (writes) => {
        const leaves = new LeafDigests();
        const entries = new Map<string, Uint8Array>();
        for (const [i, { key, value }] of writes.entries()) {
          const meta = { epoch: 1, seq: i + 1, tombstone: false, contentType: '', expiresAt: null };
          const next = entryDigest({ key, value: Buffer.from(value), ...meta });
          leaves.xor(bucketOf(key), xorDigest(entries.get(key) ?? zeroDigest(), next));
          entries.set(key, next);
        }
        expect(leaves.root()).toEqual([...entries.values()].reduce(xorDigest, zeroDigest()));
      }),
    );
  });

  it('survive the way through bytes, and copies stand alone', () => {
    const leaves = new LeafDigests();
    leaves.set(4095, hash128(Buffer.from('last')));
    const bytes = leaves.bytes();
    const copy = LeafDigests.fromBytes(bytes);
    const kept = leaves.get(4095);
    leaves.xor(4095, hash128(Buffer.from('more')));
    bytes.fill(0);
    expect(copy.get(4095)).toEqual(hash128(Buffer.from('last')));
    expect(kept).toEqual(copy.get(4095));
    expect(leaves.clone().bytes()).toEqual(leaves.bytes());
    expect(leaves.get(4095)).not.toEqual(kept);
  });

  it('refuse what is not a bucket, a digest or a block of leaves', () => {
    const leaves = new LeafDigests();
    for (const wrong of [-1, bucketCount, 0.5, Number.NaN]) {
      expect(() => leaves.get(wrong)).toThrow(RangeError);
      expect(() => leaves.xor(wrong, zeroDigest())).toThrow(RangeError);
    }
    expect(() => leaves.set(0, new Uint8Array(15))).toThrow(RangeError);
    expect(() => leaves.xor(0, new Uint8Array(17))).toThrow(RangeError);
    expect(() => LeafDigests.fromBytes(new Uint8Array(leavesBytes - 1))).toThrow(RangeError);
  });
});
