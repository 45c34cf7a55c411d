import { describe, expect, it } from 'vitest';
import { isSound, isVisible, makeEntry } from './entry.ts';

const input = { epoch: 1, seq: 2, tombstone: false, contentType: 't', expiresAt: null };
const entry = makeEntry({ key: 'k', value: Buffer.from('v'), ...input });

describe('an entry', () => {
  it('A6 is sound as long as nothing of it changes', () => {
    expect(isSound(entry)).toBe(true);
    const rotten = [
      { value: Buffer.from('w') },
      { value: Buffer.from('') },
      { key: 'l' },
      { epoch: 2 },
      { seq: 3 },
      { tombstone: true },
      { contentType: '' },
      { expiresAt: 0 },
      { digest: makeEntry({ key: 'k', value: Buffer.from('w'), ...input }).digest },
    ];
    for (const rot of rotten) expect(isSound({ ...entry, ...rot }), JSON.stringify(rot)).toBe(false);
  });

  it('P1 is visible until it is deleted or expires', () => {
    expect(isVisible(undefined, 0)).toBe(false);
    expect(isVisible(entry, Number.MAX_SAFE_INTEGER)).toBe(true);
    expect(isVisible({ ...entry, tombstone: true }, 0)).toBe(false);
    expect(isVisible({ ...entry, expiresAt: 10 }, 9)).toBe(true);
    expect(isVisible({ ...entry, expiresAt: 10 }, 10)).toBe(false);
  });
});
