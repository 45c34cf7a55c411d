/**
 * What can be said for certain about two states of one key: which is older, and whether the key may be gone.
 * Versions decide where both are known; else real time does, since one leader orders a key's writes. Where
 * neither does, nothing is certain, and a checker must not complain.
 */
import { comparePositions, formatPosition, type Position } from '@driftless/contracts';
import type { History, KeyHistory, Operation, Reading, State } from './history.ts';
import { endedBefore } from './real-time.ts';

export function certainlyOlder(history: History, a: State, b: State): boolean {
  if (a.version && b.version) return comparePositions(a.version, b.version) < 0;
  if (!a.write || !b.write || a.write === b.write) return false;
  // A write that could be rolled back could also be applied again, later.
  return history.isDurable(a.write) && endedBefore(a.write, b.write);
}

/**
 * Whether, after `state`, the key may have been deleted or have expired by the time `until`. `withOrphans`:
 * also by what was refused in the end, but may have been an orphan before that.
 */
export function mayBeGone(
  history: History,
  key: KeyHistory,
  state: State,
  until: number,
  withOrphans = false,
): boolean {
  for (let i = begunBy(key.writes, until) - 1; i >= 0; i -= 1) {
    const write = key.writes[i] as Operation;
    if ((withOrphans || write.outcome !== 'fail') && endsLife(write, until)) {
      if (!certainlyOlder(history, { version: write.version, write }, state)) return true;
    }
  }
  return false;
}

function endsLife({ kind, ttlMs, invokedAt }: Operation, until: number): boolean {
  return kind === 'delete' || (ttlMs !== undefined && invokedAt + ttlMs <= until);
}

/** How many of the writes, which are in the order of their beginning, had begun at a time. */
function begunBy(writes: readonly Operation[], until: number): number {
  let low = 0;
  let high = writes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((writes[middle] as Operation).invokedAt <= until) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether a reading certainly shows less than `mark`: an older state, or nothing without a reason. */
export function fallsShort(history: History, key: KeyHistory, reading: Reading, mark: State): boolean {
  if (reading.value === null) {
    const { position } = reading.operation;
    const isOrphaned = position !== undefined && history.isOrphan(key.shard, position);
    return !mayBeGone(history, key, mark, reading.endedAt, isOrphaned);
  }
  return certainlyOlder(history, reading, mark);
}

export function laterOf(a: Position | undefined, b: Position): Position {
  return a && comparePositions(a, b) >= 0 ? a : b;
}

/** `"7" at 3-120`; `nothing`. */
export function shown(value: string | null | undefined, version?: Position): string {
  const what = value === null ? 'nothing' : value === undefined ? 'a write' : `"${brief(value)}"`;
  return version ? `${what} at ${formatPosition(version)}` : what;
}

const shownCharsMax = 40;

function brief(value: string): string {
  return value.length <= shownCharsMax ? value : `${value.slice(0, shownCharsMax - 1)}…`;
}

/** `put "7" at 3-120`. */
export function described({ kind, value, by, version, answer }: Operation): string {
  switch (kind) {
    case 'put':
      return `put ${shown(value, version)}`;
    case 'delete':
      return version ? `delete at ${formatPosition(version)}` : 'delete';
    case 'increment':
      return version ? `increment by ${by} at ${formatPosition(version)}` : `increment by ${by}`;
    case 'get':
      return `read of ${shown(answer ?? null, version)}`;
    case 'list':
      return 'listing';
  }
}
