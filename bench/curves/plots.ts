/** The plots of a run of the cost curves, by file name; one that the run has nothing for is absent. */
import { type Bar, barsSvg } from '../plot/bars.ts';
import { type Line, svgOf } from '../plot/lines.ts';
import { microsByProcess, typical, writtenByProcess } from '../report/metrics.ts';
import type { ClosedAxisName } from './axes.ts';
import { type ClosedPoint, closedPoints, serving } from './figures.ts';
import type { CurvesRun } from './run.ts';

const mebibyte = 2 ** 20;

export function plotsOf(run: CurvesRun): Map<string, string> {
  const plots = new Map<string, string>();
  const add = (name: string, svg: string | undefined): void => void (svg && plots.set(`${name}.svg`, svg));
  const values = closedPoints(run, 'value');
  add('value', linePlot('Requests a second by size of values', 'bytes', 'a second', rateLines(values)));
  add(
    'value-written',
    linePlot('Bytes written by a PUT', 'bytes of the value', 'bytes', writtenLines(values)),
  );
  for (const axis of ['shards', 'replicas', 'gateways'] as const) add(axis, cpuPlot(run, axis));
  add('keys', linePlot('Memory and files by keys', 'keys', 'MiB', sizeLines(run)));
  add('watchers', linePlot('Age of a change when it arrives', 'watchers', 'ms', deliveryLines(run)));
  add('bootstrap', linePlot('Until a new replica has its copy', 'keys', 'seconds', bootstrapLines(run)));
  return plots;
}

function rateLines(points: readonly ClosedPoint[]): Line[] {
  return (['put', 'get'] as const).map((what) => ({
    name: what.toUpperCase(),
    points: points.map(({ x, [what]: measured }) => ({
      x,
      y: measured ? typical(measured, ({ perSecond }) => perSecond) : Number.NaN,
    })),
  }));
}

/** By process, and the value itself. */
function writtenLines(points: readonly ClosedPoint[]): Line[] {
  const parts = points.flatMap(({ x, put }) =>
    put ? writtenByProcess(put).map(([name, y]) => ({ name, x, y })) : [],
  );
  const lines = [...Map.groupBy(parts.filter(isPositive), ({ name }) => name)];
  if (lines.length === 0) return [];
  const value = { name: 'the value', points: points.map(({ x }) => ({ x, y: x })) };
  return [...lines.map(([name, some]) => ({ name, points: some })), value];
}

function cpuPlot(run: CurvesRun, axis: ClosedAxisName): string | undefined {
  const bars = closedPoints(run, axis).flatMap(({ x, put }): Bar[] => {
    const parts = put ? serving(microsByProcess(put)).map(([name, value]) => ({ name, value })) : [];
    return parts.length === 0 ? [] : [{ name: `${x} ${x === 1 ? axis.slice(0, -1) : axis}`, parts }];
  });
  const title = `CPU time of a PUT by ${axis}, by process`;
  return bars.length === 0 ? undefined : barsSvg({ title, unit: 'microseconds', bars });
}

function sizeLines({ sizes }: CurvesRun): Line[] {
  const processes = sizes[0]?.memory?.map(({ name }) => name) ?? [];
  const holding = processes.filter((name) => ['leader', 'nats-server'].includes(name));
  const memory = holding.map((process) => ({
    name: `${process}, memory`,
    points: sizes.map(({ keys, memory: found }) => ({
      x: keys,
      y: (found?.find(({ name }) => name === process)?.filledBytes ?? Number.NaN) / mebibyte,
    })),
  }));
  const files = {
    name: 'a node’s files',
    points: sizes.map((size) => ({ x: size.keys, y: size.nodeBytes / mebibyte })),
  };
  return [...memory, files];
}

function deliveryLines({ watchers }: CurvesRun): Line[] {
  return (['p50Ms', 'p99Ms'] as const).map((q) => ({
    name: q.replace('Ms', ''),
    points: watchers.map(({ watchers: x, delivered }) => ({ x, y: delivered?.[q] ?? Number.NaN })),
  }));
}

function bootstrapLines({ bootstraps }: CurvesRun): Line[] {
  return [{ name: 'seconds', points: bootstraps.map(({ count, seconds }) => ({ x: count, y: seconds })) }];
}

/** A line needs two points. */
function linePlot(title: string, xName: string, yName: string, lines: readonly Line[]): string | undefined {
  const drawn = lines
    .map(({ name, points }) => ({ name, points: points.filter(isPositive) }))
    .filter(({ points }) => points.length > 1);
  return drawn.length === 0 ? undefined : svgOf({ title, xName, yName, lines: drawn });
}

function isPositive({ y }: { y: number }): boolean {
  return y > 0;
}
