import { bucketOf, type Operation, xorDigest } from '@driftless/contracts';
import { describe, expect, it } from 'vitest';
import { effectOf, leafXorsOf } from './change.ts';
import { makeEntry } from './entry.ts';

const put = (key: string, value: string): Operation => {
  return { op: 'put', key, value: Buffer.from(value), contentType: '', expiresAt: null };
};
const nothing = () => undefined;

describe('the effect of operations', () => {
  it('A6 is the last state of each key; what comes in between leaves no trace', () => {
    const effect = effectOf([put('k', 'a'), { op: 'delete', key: 'k' }, put('k', 'b')], 2, 7, nothing);
    const input = { key: 'k', epoch: 2, seq: 9, tombstone: false, contentType: '', expiresAt: null };
    const last = makeEntry({ ...input, value: Buffer.from('b') });
    expect(effect.entries).toEqual([last]);
    expect(effect.leafXors.root()).toEqual(last.digest);
    expect([...effect.leafXors]).toEqual([[bucketOf('k'), last.digest]]);
  });

  it('A6 looks each key up once, before the first operation on it', () => {
    const asked: string[] = [];
    const lookup = (key: string) => {
      asked.push(key);
      return undefined;
    };
    effectOf([put('a', '1'), put('b', '1'), put('a', '2')], 1, 1, lookup);
    expect(asked).toEqual(['a', 'b']);
  });

  it('A6 takes the digest that was kept out of the root, even if the row has rotted', () => {
    const input = { key: 'k', epoch: 1, seq: 1, tombstone: false, contentType: '', expiresAt: null };
    const row = makeEntry({ ...input, value: Buffer.from('a') });
    const rotten = { ...row, value: Buffer.from('x') };
    const effect = effectOf([put('k', 'b')], 1, 2, () => rotten);
    expect(effect.leafXors.root()).toEqual(xorDigest(row.digest, effect.entries[0]?.digest ?? row.digest));
    expect(effect.corrupt).toEqual([rotten]);
  });

  it('counts a seq for operations that change no entry', () => {
    const answer = { id: 'i', fingerprint: 'f', result: {} };
    const ops: Operation[] = [{ op: 'epoch-started', node: 'n' }, { op: 'answer', answer }, put('k', 'a')];
    const effect = effectOf(ops, 3, 5, nothing);
    expect(effect).toMatchObject({
      epochStart: { epoch: 3, firstSeq: 5, node: 'n' },
      answers: [{ answer, version: { epoch: 3, seq: 6 } }],
      entries: [{ key: 'k', epoch: 3, seq: 7 }],
    });
  });

  it('T1 of removals is on what the operations before them lead to', () => {
    const gone = (key: string, seq: number): Operation => {
      return { op: 'collected', entries: [{ key, version: { epoch: 2, seq } }] };
    };
    const base = { epoch: 2, tombstone: true, value: new Uint8Array(0), contentType: '', expiresAt: null };
    const row = makeEntry({ ...base, key: 'old', seq: 3 });
    const ops = [put('a', '1'), gone('a', 7), put('old', 'new'), gone('old', 3), gone('b', 1), put('b', '1')];
    const effect = effectOf(ops, 2, 7, (key) => (key === 'old' ? row : undefined));
    expect(effect.entries.map(({ key, seq }) => [key, seq])).toEqual([
      ['old', 9],
      ['b', 12],
    ]);
    expect(effect.removed).toEqual([]);
    expect(effect.collected).toEqual({ seq: 11, epoch: 2 });
    const removal = effectOf([gone('old', 3)], 3, 13, (key) => (key === 'old' ? row : undefined));
    expect(removal).toMatchObject({ entries: [], removed: ['old'] });
    expect(removal.leafXors.root()).toEqual(row.digest);
    expect([...removal.leafXors]).toEqual([[bucketOf('old'), row.digest]]);
    expect(effectOf([gone('old', 4)], 3, 13, () => row)).toMatchObject({ entries: [], removed: [] });
  });

  it('C3 of replacing rows is undone by replacing them back', () => {
    const input = { epoch: 1, seq: 1, tombstone: false, contentType: '', expiresAt: null };
    const [a, b] = ['a', 'b'].map((value) => makeEntry({ key: 'k', ...input, value: Buffer.from(value) }));
    const there = leafXorsOf([
      { key: 'k', before: a, after: b },
      { key: 'none', before: undefined, after: undefined },
    ]);
    const back = leafXorsOf([{ key: 'k', before: b, after: a }]);
    expect(there.bytes()).toEqual(back.bytes());
    expect([...there.keys()]).toEqual([bucketOf('k')]);
  });
});
