import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketCount, bucketOf, keyHash, keyProblem, murmur3, shardOf } from './keys.ts';

describe('MurmurHash3 x86_32', () => {
  // Published vectors with seed 0.
  it.each([
    ['', 0],
    ['Hello, world!', 0xc0363e43],
    ['The quick brown fox jumps over the lazy dog', 0x2e4ff723],
    ['a', 0x3c2569b2],
    ['abc', 0xb3dd93fa],
    ['test', 0xba6bd213],
  ])('of %j', (text, expected) => {
    expect(murmur3(Buffer.from(text))).toBe(expected);
  });

  // https://stackoverflow.com/a/31929528: each length of tail.
  it.each([
    [[0x21, 0x43, 0x65, 0x87], 0xf55b516b],
    [[0x21, 0x43, 0x65], 0x7e4a8634],
    [[0x21, 0x43], 0xa0f7b07a],
    [[0x21], 0x72661cf4],
    [[0, 0, 0, 0], 0x2362f9de],
    [[0], 0x514e28b7],
  ])('of bytes %j', (bytes, expected) => {
    expect(murmur3(new Uint8Array(bytes))).toBe(expected);
  });

  it('takes the bytes of a view only, and all of them as unsigned', () => {
    const bytes = new Uint8Array([9, 0xff, 0xff, 0xff, 0xff, 9]);
    expect(murmur3(bytes.subarray(1, 5))).toBe(0x76293b50);
  });
});

describe('where a key lives', () => {
  it('is by its UTF-8 bytes, within bounds', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1 }),
        fc.integer({ min: 1, max: 64 }),
        (key, n) => {
          expect(keyHash(key)).toBe(murmur3(Buffer.from(key)));
          expect(shardOf(key, n)).toBe(keyHash(key) % n);
          expect(bucketOf(key)).toBe(Math.floor(keyHash(key) / 2 ** 20));
          expect(bucketOf(key)).toBeLessThan(bucketCount);
        },
      ),
    );
  });

  it('fills shards evenly, and the buckets of a shard evenly: the two do not follow each other', () => {
    const keys = Array.from({ length: 64_000 }, (_, i) => `user/${i}`);
    const shards = countBy(keys, (key) => shardOf(key, 4));
    for (const count of shards.values()) expect(Math.abs(count - 16_000)).toBeLessThan(600);
    const inShard = keys.filter((key) => shardOf(key, 4) === 0);
    const sixteenths = countBy(inShard, (key) => bucketOf(key) >>> 8);
    expect(sixteenths.size).toBe(16);
    for (const count of sixteenths.values()) expect(Math.abs(count - 1000)).toBeLessThan(200);
  });
});

function countBy(keys: readonly string[], group: (key: string) => number): Map<number, number> {
  const counts = new Map<number, number>();
  for (const key of keys) counts.set(group(key), (counts.get(group(key)) ?? 0) + 1);
  return counts;
}

describe('a key', () => {
  it.each([
    ['one byte', 'a'],
    ['512 bytes', 'x'.repeat(512)],
    ['512 bytes in 128 characters', '😀'.repeat(128)],
    ['NUL, slashes, dots and wildcards', '\0/../*/>'],
  ])('may be %s', (_, key) => expect(keyProblem(key)).toBeUndefined());

  it.each([
    ['empty', ''],
    ['513 bytes', 'x'.repeat(513)],
    ['513 bytes in 171 characters', '€'.repeat(171)],
    ['a lone surrogate', 'a\ud800b'],
  ])('may not be %s', (_, key) => expect(keyProblem(key)).toMatch(/^A key /));
});
