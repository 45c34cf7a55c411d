import { Buffer } from 'node:buffer';
import { jsonDepthMax } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isJsonType, isTextType, jsonProblem } from './json-value.ts';

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

describe('jsonProblem', () => {
  it.each(['1', 'null', '"a"', '{}', ' {"a":[1,2]} ', '{"__proto__":{"x":1}}', nested(jsonDepthMax)])(
    'takes %s',
    (text) => {
      expect(jsonProblem(Buffer.from(text))).toBeUndefined();
    },
  );

  it.each(['', ' ', '{', '{a:1}', "'a'", '01', 'NaN', '[1,]', '\ufeff1', '1 2', nested(jsonDepthMax + 1)])(
    'refuses %s',
    (text) => {
      expect(jsonProblem(Buffer.from(text))).toBeDefined();
    },
  );

  it('refuses what is not UTF-8', () => {
    expect(jsonProblem(Buffer.from([0x22, 0xff, 0x22]))).toMatch(/UTF-8/);
  });

  it('does not count brackets in strings', () => {
    expect(jsonProblem(Buffer.from(JSON.stringify('['.repeat(1000))))).toBeUndefined();
    expect(jsonProblem(Buffer.from(JSON.stringify(`\\"${'['.repeat(1000)}`)))).toBeUndefined();
  });

  it('takes all that the platform writes', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(jsonProblem(Buffer.from(text))).toBeUndefined();
      }),
    );
  });
});

describe('media types', () => {
  it.each(['application/json', 'Application/JSON; charset=utf-8', 'text/json', 'application/ld+json'])(
    '%s is JSON',
    (type) => {
      expect(isJsonType(type)).toBe(true);
    },
  );
  it.each(['text/plain', 'application/jsonl', 'application/x-ndjson', 'json', ''])('%s is not', (type) => {
    expect(isJsonType(type)).toBe(false);
  });
  it('text is text', () => {
    expect(isTextType('Text/Plain')).toBe(true);
    expect(isTextType('application/text')).toBe(false);
  });
});
