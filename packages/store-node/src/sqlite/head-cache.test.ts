import fc from 'fast-check';
import { expect, it } from 'vitest';
import { makeEntry } from '../core/entry.ts';
import { HeadCache } from './head-cache.ts';

const headsMax = 4;
const key = fc.constantFrom(...'abcdefgh');
const entry = fc
  .record({
    key,
    epoch: fc.integer({ min: 0, max: 2 ** 40 }),
    seq: fc.integer({ min: 0, max: 2 ** 50 }),
    tombstone: fc.boolean(),
    value: fc.uint8Array({ maxLength: 3 }),
    contentType: fc.constant(''),
    expiresAt: fc.option(fc.integer({ min: 0, max: 2 ** 45 })),
  })
  .map(makeEntry);
const step = fc.oneof(
  { weight: 3, arbitrary: entry.map((row) => ({ kind: 'set', row, key: row.key }) as const) },
  key.map((key) => ({ kind: 'delete', key }) as const),
  key.map((key) => ({ kind: 'get', key }) as const),
  fc.tuple(key, fc.integer({ min: 1, max: 9 })).map(([key, id]) => ({ kind: 'note', key, id }) as const),
);

it('has the last head of a key or none, the one set last always, and never too many', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const heads = new HeadCache(headsMax);
      const last = new Map<string, unknown>();
      const ids = new Map<string, number>();
      for (const one of steps) {
        if (one.kind === 'delete') {
          heads.delete(one.key);
          last.delete(one.key);
        }
        if (one.kind === 'set') {
          const { epoch, seq, tombstone, expiresAt, digest } = one.row;
          heads.set(one.row);
          last.set(one.key, { epoch, seq, tombstone, expiresAt, digest });
          expect(heads.get(one.key)).toEqual(last.get(one.key));
        }
        if (one.kind === 'get') heads.get(one.key);
        if (one.kind === 'note') {
          heads.noteId(one.key, one.id);
          ids.set(one.key, one.id);
        }
        // An id is of the row as long as something of it is kept, and forgotten with it.
        for (const name of 'abcdefgh') if (heads.idOf(name) === undefined) ids.delete(name);
        for (const [name, id] of ids) expect(heads.idOf(name)).toBe(id);
        const found = [...'abcdefgh'].filter((name) => heads.get(name) !== undefined);
        expect(found.length).toBeLessThanOrEqual(headsMax);
        for (const name of found) expect(heads.get(name)).toEqual(last.get(name));
      }
    }),
  );
});

it('keeps what is used, and forgets what is not', () => {
  const heads = new HeadCache(headsMax);
  const base = { epoch: 1, seq: 1, tombstone: false, contentType: '', expiresAt: null };
  const set = (name: string): void => heads.set(makeEntry({ ...base, key: name, value: new Uint8Array(0) }));
  // Where all are used alike, the first goes; from then on it is told who is used.
  for (const name of 'abcdea') set(name);
  for (const name of 'fghij') {
    expect(heads.get('a'), `before ${name}`).toBeDefined();
    set(name);
  }
  expect(heads.get('a')).toBeDefined();
  expect(heads.get('j')).toBeDefined();
  expect(heads.get('b')).toBeUndefined();
});
