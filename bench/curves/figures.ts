/** What the page and the plots make of a run of the cost curves. */
import { serverMicros, typical, writtenByProcess } from '../report/metrics.ts';
import { generatorName, type Measured } from '../report/run.ts';
import { type ClosedAxisName, closedAxes, loadAt, loadOfKeys, type whats } from './axes.ts';
import type { CurvesRun, WatchPoint } from './run.ts';

type What = (typeof whats)[number];

/** A point of a closed loop, of those that the run measured. */
export interface ClosedPoint {
  x: number;
  put?: Measured;
  get?: Measured;
}

export function closedPoints(run: CurvesRun, axis: ClosedAxisName): ClosedPoint[] {
  // A run of other axes has the base for them, which is a point of every one of these.
  if (run.only.length > 0 && !run.only.includes(axis)) return [];
  return pointsOf(run, closedAxes[axis].points, (x, what) => loadAt(axis, x, what).name);
}

export function keyLoadPoints(run: CurvesRun): ClosedPoint[] {
  const keys = run.sizes.map((sizes) => sizes.keys);
  return pointsOf(run, keys, (x, what) => loadOfKeys(x, what).name);
}

function pointsOf(
  { measured }: CurvesRun,
  xs: readonly number[],
  nameOf: (x: number, what: What) => string,
): ClosedPoint[] {
  const find = (name: string): Measured | undefined => measured.find(({ scenario }) => scenario === name);
  return xs.flatMap((x): ClosedPoint[] => {
    const [put, get] = [find(nameOf(x, 'put')), find(nameOf(x, 'get'))];
    return put || get ? [{ x, ...(put && { put }), ...(get && { get }) }] : [];
  });
}

/** CPU time of a request over all processes but the load generator, microseconds; undefined when unknown. */
export function microsOf(measured: Measured | undefined): number | undefined {
  return measured && known(typical(measured, serverMicros));
}

/** Bytes that a request has written to storage over all processes; undefined when unknown. */
export function writtenOf(measured: Measured | undefined): number | undefined {
  const parts = measured ? writtenByProcess(measured) : [];
  // Where files are in memory, the system counts nothing.
  return known(parts.reduce((sum, [, bytes]) => sum + bytes, 0)) || undefined;
}

export function known(number: number | undefined): number | undefined {
  return number !== undefined && Number.isFinite(number) ? number : undefined;
}

/**
 * CPU time of the gateway for a change that reached a watcher, beyond what it takes without watchers for as
 * many writes, microseconds; undefined when unknown.
 */
export function deliveryMicros(point: WatchPoint, points: readonly WatchPoint[]): number | undefined {
  const bare = points.find(({ watchers }) => watchers === 0);
  const [own, without] = [point.cpuMicros?.[gatewayName], bare?.cpuMicros?.[gatewayName]];
  if (own === undefined || without === undefined || bare === undefined || !point.delivered?.events) {
    return undefined;
  }
  return (own - without * (point.seconds / bare.seconds)) / point.delivered.events;
}

/** Cores that the gateway kept busy. */
export function gatewayCores({ cpuMicros, seconds }: WatchPoint): number | undefined {
  const micros = cpuMicros?.[gatewayName];
  return micros === undefined ? undefined : micros / 1e6 / seconds;
}

const gatewayName = 'gateway';

/** Of what serves, in the order that processes are listed in. */
export function serving(parts: readonly [string, number][]): [string, number][] {
  return parts.filter(([name]) => name !== generatorName);
}
