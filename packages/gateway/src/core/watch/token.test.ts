import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeToken, encodeToken } from './token.ts';

const positions = fc.array(fc.record({ epoch: fc.maxSafeNat(), seq: fc.maxSafeNat() }), { minLength: 1 });

describe('resume tokens', () => {
  it('give back what went in, for any positions', () => {
    fc.assert(
      fc.property(positions, (some) => {
        const token = encodeToken('c', some);
        expect(token).toMatch(/^[0-9a-f]{8}(\.\d+-\d+)+$/);
        expect(decodeToken('c', some.length, token)).toEqual(some);
      }),
    );
  });

  it('of another cluster, of other shards, or changed anywhere are refused', () => {
    const token = encodeToken('c', [
      { epoch: 3, seq: 120 },
      { epoch: 1, seq: 7 },
    ]);
    const refused = (cluster: string, shards: number, text: string) =>
      expect(() => decodeToken(cluster, shards, text)).toThrow(
        expect.objectContaining({ code: 'invalid-parameter' }),
      );
    refused('d', 2, token);
    refused('c', 3, token);
    refused('c', 1, token.slice(0, -4));
    for (const text of ['', '.', 'x', `${token}.`, ` ${token}`, token.toUpperCase().replace('.', ',')]) {
      refused('c', 2, text);
    }
    for (let i = 0; i < token.length; i += 1) {
      refused('c', 2, token.slice(0, i) + (token[i] === '1' ? '2' : '1') + token.slice(i + 1));
    }
  });
});
