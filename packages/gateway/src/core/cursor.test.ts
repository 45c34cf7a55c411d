import { keyProblem } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCursor, encodeCursor } from './cursor.ts';

const keys = fc.string({ unit: 'binary', maxLength: 100 }).filter((key) => keyProblem(key) === undefined);

describe('cursors', () => {
  it('give back the key, for any key and any prefix of it', () => {
    fc.assert(
      fc.property(keys, fc.nat(), (key, cut) => {
        const prefix = [...key].slice(0, cut % (key.length + 1)).join('');
        expect(decodeCursor('id', prefix, encodeCursor('id', prefix, key))).toBe(key);
      }),
    );
  });

  it('are refused once a character is another one', () => {
    fc.assert(
      fc.property(keys, fc.nat(), fc.constantFrom(...'AZaz09-_=+ '), (key, at, character) => {
        const cursor = encodeCursor('id', '', key);
        const i = at % cursor.length;
        fc.pre(cursor[i] !== character);
        const changed = cursor.slice(0, i) + character + cursor.slice(i + 1);
        expect(() => decodeCursor('id', '', changed)).toThrow(/cursor/);
      }),
    );
  });

  it.each(['', 'x', '!', 'AAAAAAAAAAAAAAAA', '../..', 'null'])('%j is refused', (cursor) => {
    expect(() => decodeCursor('id', '', cursor)).toThrow(/cursor/);
  });

  it('belong to their prefix and their cluster', () => {
    const cursor = encodeCursor('id', 'a', 'ab');
    expect(decodeCursor('id', 'a', cursor)).toBe('ab');
    expect(() => decodeCursor('id', 'ab', cursor)).toThrow(/cursor/);
    expect(() => decodeCursor('other', 'a', cursor)).toThrow(/cursor/);
  });
});
