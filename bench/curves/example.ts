/** A run of the cost curves for tests, on a machine that never was. */
import { measuredWith, runWith } from '../report/example.ts';
import { type ClosedAxisName, closedAxisNames, loadOfKeys, loadsOf, whats } from './axes.ts';
import type { CurvesRun, KeySizes, WatchPoint } from './run.ts';

const mebibyte = 2 ** 20;

export function exampleRun(axes: readonly ClosedAxisName[] = closedAxisNames): CurvesRun {
  const { measured: _, openLoops: __, ...head } = runWith([]);
  const sizes = [10_000, 100_000].map(sizesOf);
  const keyLoads = sizes.flatMap(({ keys }) => whats.map((what) => loadOfKeys(keys, what)));
  const loads = [...loadsOf(axes), ...keyLoads];
  return {
    ...head,
    measured: loads.map(({ name }) => measuredWith(name, [0.2, 0.3, 0.1])),
    sizes,
    watchers: [0, 1, 100].map(watchPointOf),
    bootstraps: [10_000, 100_000].map((count) => ({ count, seconds: count / 50_000 })),
  };
}

/** 300 bytes a key on disk; the leader grows by 100 of them. */
function sizesOf(keys: number): KeySizes {
  const leader = { name: 'leader', emptyBytes: 100 * mebibyte, filledBytes: 100 * mebibyte + 100 * keys };
  return { keys, fillSeconds: keys / 20_000, memory: [leader], nodeBytes: 300 * keys, natsBytes: 200 * keys };
}

/** A delivery costs 30 microseconds, and one of a hundred is missing where there are as many. */
function watchPointOf(watchers: number): WatchPoint {
  const [seconds, perSecond, writes] = [20, 5, 100];
  const due = writes * watchers;
  const events = due - Math.floor(due / 100 / 100);
  const delivered = { events, p50Ms: 2 + watchers / 10, p99Ms: 4 + watchers / 10, maxMs: 200, cores: 0.1 };
  const cpuMicros = { gateway: 1_000_000 + 30 * events };
  return { watchers, perSecond, writes, due, seconds, cpuMicros, ...(watchers > 0 && { delivered }) };
}
