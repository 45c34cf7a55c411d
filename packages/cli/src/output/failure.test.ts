import { DriftlessError } from '@driftless/contracts';
import { describe, expect, it } from 'vitest';
import { Collected } from './collected.ts';
import { CommandError, failureOf, isUnreachable, printFailure, usageError } from './failure.ts';

const withCode = (code: string, options?: ErrorOptions): Error =>
  Object.assign(new Error(`connect ${code}`, options), { code });

describe('a failure', () => {
  it('has the code and the hint of an error of the cluster', () => {
    const error = new DriftlessError('precondition-failed', 'The key is at 1-4.', { hint: 'Read it again.' });
    expect(failureOf(error)).toEqual({
      message: 'The key is at 1-4.',
      code: 'precondition-failed',
      hint: 'Read it again.',
      exitCode: 1,
    });
  });

  it('says who cannot be reached, however deep the reason is wrapped', () => {
    const happyEyeballs = new AggregateError([withCode('ECONNREFUSED')], '');
    const errors = [
      withCode('ECONNREFUSED'),
      new TypeError('fetch failed', { cause: withCode('ECONNREFUSED') }),
      new DriftlessError('replica-unavailable', 'no', { cause: happyEyeballs }),
    ];
    for (const error of errors) {
      expect(failureOf(error, 'http://x')).toMatchObject({
        message: 'cannot reach http://x',
        code: 'ECONNREFUSED',
      });
      expect(isUnreachable(error)).toBe(true);
    }
    expect(isUnreachable(new DriftlessError('no-leader', 'x'))).toBe(false);
    expect(isUnreachable(withCode('ENOSPC'))).toBe(false);
  });

  it('does not call a write unreachable that may have been done', () => {
    const cause = withCode('UND_ERR_HEADERS_TIMEOUT');
    const error = new DriftlessError('indeterminate', 'It may or may not have been done.', { cause });
    expect(failureOf(error)).toMatchObject({
      message: 'It may or may not have been done.',
      code: 'indeterminate',
    });
    expect(isUnreachable(error)).toBe(false);
  });

  it('exits 2 for wrong use, 1 for all else', () => {
    expect(failureOf(usageError('no')).exitCode).toBe(2);
    expect(failureOf(new CommandError('no')).exitCode).toBe(1);
    expect(failureOf('a string')).toMatchObject({ message: 'a string', exitCode: 1 });
  });

  it('is one line, and a hint, without control characters or a stack', () => {
    const err = new Collected();
    printFailure(failureOf(new CommandError('bad\u001b[2J', { hint: 'try this' })), {
      out: err,
      err,
      env: {},
    });
    expect(err.text).toBe('driftless: bad\\u001b[2J\n  hint: try this\n');
  });
});
