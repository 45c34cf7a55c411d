import { describe, expect, it } from 'vitest';
import { dueAfter, dueAtOnce, firstDue, isQuiet, parseQuietHours } from './schedule.ts';

const limits = { roundEveryMs: 60_000, roundJitter: 0.2, roundRetryMs: 2_000 };
const resting = { at: 0, cause: 'schedule', vain: 0 } as const;

describe('the next round', () => {
  it('comes soon at first, then at the interval, sooner or later by the jitter', () => {
    expect(firstDue(1_000, 0.5, limits)).toEqual({ at: 4_000, cause: 'schedule', vain: 0 });
    expect([0, 0.5, 1].map((dice) => dueAfter(resting, 'settled', 0, dice, limits).at)).toEqual([
      48_000, 60_000, 72_000,
    ]);
  });

  it('comes ever later when nothing can be done, up to the interval', () => {
    let due = dueAfter(resting, 'vain', 0, 0.5, limits);
    const pauses = [due.at];
    for (let i = 0; i < 6; i += 1) {
      due = dueAfter(due, 'vain', 0, 0.5, limits);
      pauses.push(due.at);
    }
    expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    expect(dueAfter(due, 'progress', 0, 0.5, limits)).toEqual({ at: 2_000, cause: 'again', vain: 0 });
  });

  it('comes at once when it must not wait, and never later for that', () => {
    expect(dueAtOnce({ at: 50_000, cause: 'again', vain: 4 }, 'drift', 7)).toEqual({
      at: 7,
      cause: 'drift',
      vain: 0,
    });
    expect(dueAtOnce({ at: 5, cause: 'schedule', vain: 0 }, 'drift', 7).at).toBe(5);
  });
});

describe('quiet hours', () => {
  const at = (time: string): number => Date.parse(`2026-03-01T${time}:00Z`);
  it.each([
    ['22:00-06:30', '22:00', true],
    ['22:00-06:30', '02:00', true],
    ['22:00-06:30', '06:29', true],
    ['22:00-06:30', '06:30', false],
    ['22:00-06:30', '21:59', false],
    ['09:00-17:00', '12:00', true],
    ['09:00-17:00', '17:00', false],
    ['09:00-17:00', '08:59', false],
  ])('%s at %s: %s', (hours, time, quiet) => {
    expect(isQuiet(parseQuietHours(hours), at(time))).toBe(quiet);
  });

  it('are none without, and are not guessed from something else', () => {
    expect(isQuiet(undefined, at('03:00'))).toBe(false);
    for (const text of ['', '22-06', '24:00-06:00', '22:00-06:60', '22:00 - 06:00', ' 22:00-06:00']) {
      expect(parseQuietHours(text), text).toBeUndefined();
    }
  });
});
