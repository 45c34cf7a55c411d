import { describe, expect, it } from 'vitest';
import {
  DriftlessError,
  type ErrorCode,
  errorCodes,
  errorKind,
  isErrorCode,
  problemOf,
  problemSchema,
} from './errors.ts';

/** What each code promises to callers: changing one of these is a change of the public API. */
const promises: Record<ErrorCode, [status: number, retryable: boolean]> = {
  'bad-request': [400, false],
  'invalid-key': [400, false],
  'invalid-value': [400, false],
  'invalid-parameter': [400, false],
  'invalid-cursor': [400, false],
  'invalid-session': [400, false],
  forbidden: [403, false],
  'not-found': [404, false],
  'key-not-found': [404, false],
  'method-not-allowed': [405, false],
  'not-a-counter': [409, false],
  'members-conflict': [409, false],
  'is-leader': [409, true],
  'counter-overflow': [409, false],
  'watch-expired': [410, false],
  'precondition-failed': [412, false],
  'session-rolled-back': [412, false],
  'value-too-large': [413, false],
  'unsupported-media-type': [415, false],
  'idempotency-key-reused': [422, false],
  overloaded: [429, true],
  'watch-too-slow': [429, true],
  internal: [500, false],
  'not-leader': [503, true],
  'no-leader': [503, true],
  'replica-unavailable': [503, true],
  unavailable: [503, true],
  'too-stale': [503, true],
  'shutting-down': [503, true],
  indeterminate: [504, false],
  'session-behind': [504, true],
  'upstream-timeout': [504, false],
};

describe('error codes', () => {
  it('are exactly these', () => {
    expect([...errorCodes].sort()).toEqual(Object.keys(promises).sort());
  });

  it.each(errorCodes)('%s is a whole problem', (code) => {
    const [status, retryable] = promises[code];
    const error = new DriftlessError(code, 'What went wrong.', { hint: 'Do this.' });
    const { retryAfterSeconds, ...problem } = problemOf(error);
    expect(problemSchema.strict().parse(problem)).toEqual({
      type: `urn:driftless:error:${code}`,
      title: errorKind(code).title,
      status,
      code,
      detail: 'What went wrong.',
      hint: 'Do this.',
      retryable,
    });
    expect(retryAfterSeconds).toBe(retryable ? 1 : undefined);
    expect(error).toMatchObject({ status, retryable });
    expect(errorKind(code).title).not.toBe('');
  });

  it('say when to come back, if they know better', () => {
    const error = new DriftlessError('overloaded', 'Full.', { retryAfterSeconds: 7 });
    expect(problemOf(error).retryAfterSeconds).toBe(7);
  });

  it('are known by their names only', () => {
    expect(isErrorCode('internal')).toBe(true);
    for (const text of ['', 'toString', '__proto__', 'constructor', 'Internal']) {
      expect(isErrorCode(text)).toBe(false);
    }
  });
});

describe('what a caller learns of an error', () => {
  const secret = 'SELECT * FROM entries at /var/lib/secret.db';
  it.each<[string, unknown]>([
    ['an error', new Error(secret)],
    ['an error that looks like ours', Object.assign(new Error(secret), { code: 'not-found', hint: secret })],
    ['a type error', new TypeError(secret)],
    ['a text', secret],
    ['an object', { message: secret, toJSON: () => secret }],
    ['nothing', undefined],
    ['a fault of ours with a cause', new DriftlessError('internal', 'Sorry.', { cause: new Error(secret) })],
  ])('is nothing of the inside of %s', (_, thrown) => {
    const problem = problemOf(thrown);
    expect(problem).toMatchObject({ code: 'internal', status: 500, retryable: false });
    expect(JSON.stringify(problem)).not.toContain('secret');
    expect(problem).not.toHaveProperty('stack');
    expect(problem).not.toHaveProperty('cause');
  });
});
