import { Buffer } from 'node:buffer';
import { DriftlessError, keyBytesMax, keyProblem } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { choiceParameter, integerParameter, keyOfTarget, pathOf, queryOfTarget } from './target.ts';

function codeOf(run: () => unknown): string {
  try {
    return `no error: ${JSON.stringify(run())}`;
  } catch (error) {
    return error instanceof DriftlessError ? error.code : String(error);
  }
}

describe('keyOfTarget', () => {
  it.each([
    ['/v1/kv/a', 'a'],
    ['/v1/kv/a/b', 'a/b'],
    ['/v1/kv/a%2Fb', 'a/b'],
    ['/v1/kv/a%2fb?ttl=1', 'a/b'],
    ['/v1/kv/%252F', '%2F'],
    ['/v1/kv/..', '..'],
    ['/v1/kv/../cluster', '../cluster'],
    ['/v1/kv//', '/'],
    ['/v1/kv/%00', '\0'],
    ['/v1/kv/*', '*'],
    ['/v1/kv/%3E', '>'],
    ['/v1/kv/a+b', 'a+b'],
    ['/v1/kv/%F0%9F%98%80', '😀'],
    [`/v1/kv/${Buffer.from('é').toString('latin1')}`, 'é'],
    ['http://host:8080/v1/kv/a', 'a'],
  ])('%s is the key %j', (target, key) => {
    expect(keyOfTarget(target, 2)).toBe(key);
  });

  it.each([
    ['/v1/kv/', 'empty'],
    ['/v1/kv/%', 'a broken escape'],
    ['/v1/kv/%zz', 'a broken escape'],
    ['/v1/kv/%e', 'a broken escape'],
    ['/v1/kv/%FF', 'not UTF-8'],
    ['/v1/kv/%C0%AF', 'an overlong slash'],
    ['/v1/kv/%ED%A0%80', 'a surrogate'],
    ['/v1/kv/\xff', 'raw bytes that are not UTF-8'],
    ['/v1/kv/a#b', 'a fragment'],
    [`/v1/kv/${'a'.repeat(keyBytesMax + 1)}`, 'too long'],
    [`/v1/kv/${'%C3%A9'.repeat(keyBytesMax / 2)}a`, 'too long in bytes'],
  ])('%s is refused: %s', (target) => {
    expect(codeOf(() => keyOfTarget(target, 2))).toBe('invalid-key');
  });

  it('takes a key out from between', () => {
    expect(keyOfTarget('/v1/counters/a/b/increment?ack=all', 2, '/increment')).toBe('a/b');
    expect(codeOf(() => keyOfTarget('/v1/counters/increment', 2, '/increment'))).toBe('invalid-key');
  });

  it('gives back every key that was encoded by the platform or byte by byte', () => {
    const keys = fc.string({ unit: 'binary', maxLength: 200 }).filter((key) => keyProblem(key) === undefined);
    fc.assert(
      fc.property(keys, fc.constantFrom('', '?x=1'), (key, query) => {
        const everyByte = [...Buffer.from(key)]
          .map((byte) => `%${byte.toString(16).padStart(2, '0')}`)
          .join('');
        expect(keyOfTarget(`/v1/kv/${encodeURIComponent(key)}${query}`, 2)).toBe(key);
        expect(keyOfTarget(`/v1/kv/${everyByte}${query}`, 2)).toBe(key);
      }),
    );
  });
});

describe('queryOfTarget', () => {
  it('reads known parameters, decoded', () => {
    expect(queryOfTarget('/x?prefix=a%2Fb+c&limit=&&', ['prefix', 'limit'])).toEqual({
      prefix: 'a/b c',
      limit: '',
    });
    expect(queryOfTarget('/x', ['a'])).toEqual({});
  });

  it.each(['?b=1', '?a=1&a=2', '?a=%zz', '?a=%FF', '?__proto__=1', '?A=1'])('refuses %s', (query) => {
    expect(codeOf(() => queryOfTarget(`/x${query}`, ['a']))).toBe('invalid-parameter');
  });

  it('names the unknown parameter and the known ones', () => {
    expect(() => queryOfTarget('/x?tll=5', ['ack', 'ttl'])).toThrow(/"tll"/);
  });
});

describe('parameters', () => {
  it.each(['', 'x', '0', '11', '-1', '1.5', '1e1', '0x5', ' 5', 'NaN', '9007199254740992'])(
    'of a number refuse %j',
    (text) => {
      expect(codeOf(() => integerParameter('limit', text, 1, 10))).toBe('invalid-parameter');
    },
  );

  it('take what is in range', () => {
    expect(integerParameter('limit', '10', 1, 10)).toBe(10);
    expect(choiceParameter('ack', 'all', ['stream', 'all'])).toBe('all');
    expect(codeOf(() => choiceParameter('ack', 'ALL', ['stream', 'all']))).toBe('invalid-parameter');
  });
});

describe('pathOf', () => {
  it('is all before the query', () => {
    expect(pathOf('/a/b?c/d')).toBe('/a/b');
    expect(pathOf('http://h/a?b')).toBe('/a');
  });
});
