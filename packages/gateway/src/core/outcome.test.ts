import { describe, expect, it } from 'vitest';
import { backoffMs } from './backoff.ts';
import { isRefusal, kindOfAnswer, mayWriteAgain } from './outcome.ts';

describe('what goes again', () => {
  it('is a write that was never done, or whose answer is kept', () => {
    expect(mayWriteAgain('not-sent', false)).toBe(true);
    expect(mayWriteAgain('refused', false)).toBe(true);
    expect(mayWriteAgain('unanswered', false)).toBe(false);
    expect(mayWriteAgain('unanswered', true)).toBe(true);
    expect(mayWriteAgain('faulty', true)).toBe(false);
  });

  it.each([
    [503, 'not-leader', 'refused'],
    [503, 'shutting-down', 'refused'],
    [429, 'overloaded', 'refused'],
    [500, 'internal', 'unanswered'],
    [502, 'internal', 'unanswered'],
    [504, 'indeterminate', 'unanswered'],
    [400, 'bad-request', 'faulty'],
    [413, 'value-too-large', 'faulty'],
  ] as const)('an answer %d %s is %s', (status, code, kind) => {
    expect(kindOfAnswer(status, code)).toBe(kind);
  });

  it('is not what a client has to decide', () => {
    expect(isRefusal('precondition-failed')).toBe(false);
    expect(isRefusal('indeterminate')).toBe(false);
  });
});

describe('backoffMs', () => {
  it('doubles up to its bound, and is never under half of that', () => {
    const backoff = { firstMs: 20, maxMs: 500 };
    expect([1, 2, 3, 6, 60].map((attempt) => backoffMs(backoff, attempt, 0))).toEqual([10, 20, 40, 250, 250]);
    expect(backoffMs(backoff, 60, 0.999)).toBeLessThan(500);
  });
});
