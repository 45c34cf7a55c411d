import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeToken, encodeToken } from './session-token.ts';

const key = Buffer.alloc(32, 1);
const otherKey = Buffer.alloc(32, 2);

const position = fc.record({ epoch: fc.maxSafeNat(), seq: fc.maxSafeNat() });
const positions = fc
  .uniqueArray(fc.tuple(fc.nat(1023), position), { selector: ([shard]) => shard, maxLength: 100 })
  .map((pairs) => new Map(pairs));

describe('session tokens', () => {
  it('give back the positions they were made of', () => {
    fc.assert(
      fc.property(positions, (given) => {
        const token = encodeToken(key, 'c', given);
        expect(token).toMatch(/^[\w-]+$/);
        expect(decodeToken([otherKey, key], 'c', token)).toEqual(given);
      }),
    );
  });

  it('are of one cluster and its key', () => {
    const token = encodeToken(key, 'c', new Map([[0, { epoch: 1, seq: 5 }]]));
    expect(decodeToken([key], 'd', token)).toBeUndefined();
    expect(decodeToken([otherKey], 'c', token)).toBeUndefined();
    expect(decodeToken([], 'c', token)).toBeUndefined();
  });

  it('with any one bit turned are none', () => {
    const bytes = Buffer.from(encodeToken(key, 'c', new Map([[3, { epoch: 2, seq: 300 }]])), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(decodeToken([key], 'c', changed.toString('base64url'))).toBeUndefined();
    }
  });

  it.each(['', 'a', '!!', 'AQ', 'x'.repeat(20_000)])('%.12s is none', (text) => {
    expect(decodeToken([key], 'c', text)).toBeUndefined();
  });

  it('of 64 busy shards has fewer than 1024 characters, of 1024 still fits a header', () => {
    const busy = (shards: number) =>
      new Map(Array.from({ length: shards }, (_, shard) => [shard, { epoch: 16_000, seq: 2 ** 34 }]));
    expect(encodeToken(key, 'c', busy(64)).length).toBeLessThan(1024);
    const token = encodeToken(key, 'c', busy(1024));
    expect(token.length).toBeLessThan(12_288);
    expect(decodeToken([key], 'c', token)?.size).toBe(1024);
  });
});
