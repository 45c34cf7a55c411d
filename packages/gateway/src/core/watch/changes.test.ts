import { zeroDigest } from '@driftless/contracts';
import { describe, expect, it } from 'vitest';
import { changesOf } from './changes.ts';

const put = (contentType: string, value: string | Uint8Array, expiresAt: number | null = null) => {
  return { op: 'put' as const, key: 'k\n"', value: Buffer.from(value), contentType, expiresAt };
};

describe('the changes of a batch', () => {
  const roots = { prevRoot: zeroDigest(), postRoot: zeroDigest() };
  const { changes, ...batch } = changesOf({
    ...roots,
    shard: 2,
    epoch: 3,
    firstSeq: 7,
    committedAt: 1000,
    ops: [
      { op: 'epoch-started', node: 'n' },
      put('application/json', '{\n  "a":\r\n 1\r}', 2000),
      put('text/plain', 'one\ntwo'),
      put('image/png', Uint8Array.of(255, 0)),
      { op: 'delete', key: 'k' },
      { op: 'collected', entries: [{ key: 'k', version: { epoch: 3, seq: 11 } }] },
    ],
  });

  it('W4 are those that readers can see, each with its version', () => {
    expect(batch).toMatchObject({ epoch: 3, firstSeq: 7, lastSeq: 12 });
    expect(changes.map(({ type, seq }) => [type, seq])).toEqual([
      ['put', 8],
      ['put', 9],
      ['put', 10],
      ['delete', 11],
    ]);
  });

  it('are lines of data, whatever line ends a value has', () => {
    const common = { shard: 2, committedAt: '1970-01-01T00:00:01.000Z' };
    const documents = changes.map(({ data }) => {
      expect(data).toMatch(/^(data: [^\r\n]*\n)+$/);
      return JSON.parse(data.replaceAll(/^data: /gm, '')) as unknown;
    });
    const head = { key: 'k\n"', ...common };
    const expiresAt = '1970-01-01T00:00:02.000Z';
    expect(documents).toEqual([
      { ...head, version: '3-8', contentType: 'application/json', expiresAt, value: { a: 1 } },
      { ...head, version: '3-9', contentType: 'text/plain', value: 'one\ntwo' },
      { ...head, version: '3-10', contentType: 'image/png', valueBase64: '/wA=' },
      { ...common, key: 'k', version: '3-11' },
    ]);
  });
});
