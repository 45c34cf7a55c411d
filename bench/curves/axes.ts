/**
 * What costs are measured against: one axis at a time, all else as in the base. The first four axes are
 * closed loops; the others are measured each in a way of its own.
 */
import type { RunHead } from '../report/run.ts';
import { base, cluster, type Load } from '../scenarios.ts';

type Mode = RunHead['mode'];

/** Few enough for the largest values to find room. */
export const valueKeys = 500;

interface ClosedAxis {
  points: readonly number[];
  /** What differs from the base at a point. */
  at(x: number): Partial<Load>;
}

export const closedAxes = {
  value: {
    points: [100, 1024, 10 * 1024, 100 * 1024],
    at: (valueBytes) => ({ valueBytes, keys: valueKeys }),
  },
  shards: { points: [1, 4, 16, 64], at: (shards) => ({ on: { ...cluster, shards } }) },
  replicas: { points: [1, 3, 5], at: (replicas) => ({ on: { ...cluster, replicas } }) },
  gateways: { points: [1, 2, 3], at: (gateways) => ({ on: { ...cluster, gateways } }) },
} as const satisfies Record<string, ClosedAxis>;
export type ClosedAxisName = keyof typeof closedAxes;
export const closedAxisNames = Object.keys(closedAxes) as ClosedAxisName[];

/** Names that `--only` takes. */
export const axisNames = [...closedAxisNames, 'keys', 'watchers', 'bootstrap'] as const;
export type AxisName = (typeof axisNames)[number];

const millions: Record<Mode, readonly number[]> = { quick: [], usual: [1_000_000], full: [1e6, 1e7] };
export function keyPoints(mode: Mode): number[] {
  return [10_000, 100_000, ...millions[mode]];
}

/** The first is what the writes alone cost. */
export const watcherPoints = [0, 1, 10, 100, 1000, 10_000] as const;
/** Due a second while they watch: every change goes to every watcher, and the most have to find room. */
export const watchedPerSecond = 2;

export const whats = ['put', 'get'] as const;
type What = (typeof whats)[number];

/** The point of an axis. Those that differ from the base in nothing are one and the same load. */
export function loadAt(axis: ClosedAxisName, x: number, what: What): Load {
  const { at }: ClosedAxis = closedAxes[axis];
  const plain: Load = { ...base, what, name: what };
  const load: Load = { ...plain, ...at(x) };
  return JSON.stringify(load) === JSON.stringify(plain) ? plain : { ...load, name: `${what}-${axis}-${x}` };
}

/** What is put of a size is read before the next size is put: so keys are filled in once for both. */
export function loadsOf(axes: readonly ClosedAxisName[]): Load[] {
  const loads = axes.flatMap((axis) =>
    closedAxes[axis].points.flatMap((x) => whats.map((what) => loadAt(axis, x, what))),
  );
  return [...new Map(loads.map((load) => [load.name, load])).values()];
}

/** As many keys as there are. */
export function loadOfKeys(keys: number, what: What): Load {
  return { ...base, what, keys, name: `${what}-keys-${keys}` };
}
