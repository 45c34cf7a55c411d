import { Buffer } from 'node:buffer';
import { expect, it } from 'vitest';
import { mapperOf } from './mapping.ts';

it.each([
  ['ASCII', 'plain'],
  ['characters of three bytes', '漢字'.repeat(1000)],
  ['characters that JSON escapes', '\u0001'.repeat(1000)],
])('a value of %s is as large as it travels, since batches are cut by that', (_, value) => {
  const mapped = mapperOf({})({ key: 'k', value }, 0);
  expect(mapped).toMatchObject({ bytes: Buffer.byteLength(JSON.stringify(value)) });
});
