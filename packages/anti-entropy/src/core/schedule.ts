/**
 * When a shard has its next round. Rounds come at an interval, each moved a little at random, so that shards
 * and processes don't fall into step. A round that left something is followed by another one soon, and then
 * ever later, up to the interval; drift that a node tells of brings one at once. Quiet hours hold up the
 * rounds of the schedule, and no others.
 */
import type { RoundCause } from '@driftless/contracts';

export interface ScheduleLimits {
  roundEveryMs: number;
  /** Share of the interval by which a round may come sooner or later. */
  roundJitter: number;
  /** The first round after one that left something comes after this, milliseconds. */
  roundRetryMs: number;
}

export interface Due {
  /** Monotonic, milliseconds. */
  at: number;
  cause: RoundCause;
  /** Rounds in a row that got nothing done and left something. */
  vain: number;
}

/** `settled`: all were proven equal; `progress`: something was healed and something is left. */
export type RoundEnd = 'settled' | 'progress' | 'vain';

/** `dice`, here and below: from 0 up to 1. The first round comes soon, so that all is known soon. */
export function firstDue(now: number, dice: number, { roundRetryMs }: ScheduleLimits): Due {
  return { at: now + roundRetryMs * (1 + dice), cause: 'schedule', vain: 0 };
}

export function dueAfter(due: Due, end: RoundEnd, now: number, dice: number, limits: ScheduleLimits): Due {
  const { roundEveryMs, roundJitter, roundRetryMs } = limits;
  const stretch = 1 + roundJitter * (2 * dice - 1);
  if (end === 'settled') return { at: now + roundEveryMs * stretch, cause: 'schedule', vain: 0 };
  const vain = end === 'progress' ? 0 : due.vain + 1;
  const pauseMs = Math.min(roundRetryMs * 2 ** Math.max(0, vain - 1), roundEveryMs);
  return { at: now + pauseMs * stretch, cause: 'again', vain };
}

/** Something was heard that must not wait. */
export function dueAtOnce(due: Due, cause: RoundCause, at: number): Due {
  return { at: Math.min(due.at, at), cause, vain: 0 };
}

/** Hours of the day in which no scheduled round begins, in minutes since midnight (UTC). */
export interface QuietHours {
  from: number;
  to: number;
}

/** `22:00-06:30`; undefined when the text says something else. */
export function parseQuietHours(text: string): QuietHours | undefined {
  const match = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(text);
  if (!match) return undefined;
  const [fromHour, fromMinute, toHour, toMinute] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
  ];
  return { from: fromHour * 60 + fromMinute, to: toHour * 60 + toMinute };
}

const minuteMs = 60_000;
const dayMinutes = 24 * 60;

/** `wall`: milliseconds since the Unix epoch. Hours that end before they begin go past midnight. */
export function isQuiet(hours: QuietHours | undefined, wall: number): boolean {
  if (hours === undefined) return false;
  const minute = Math.floor(wall / minuteMs) % dayMinutes;
  const { from, to } = hours;
  return from <= to ? minute >= from && minute < to : minute >= from || minute < to;
}
