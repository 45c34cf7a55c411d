/** The plots of a run, by file name; a plot that the run has nothing for is absent. */
import { type Bar, barsSvg } from '../plot/bars.ts';
import { type Line, svgOf } from '../plot/lines.ts';
import { type Scenario, scenarios } from '../scenarios.ts';
import { measuredOf, microsByProcess, throughputOf } from './metrics.ts';
import type { OpenLoop, Run } from './run.ts';

export function plotsOf(run: Run): Map<string, string> {
  const plots = new Map<string, string>();
  const add = (name: string, svg: string | undefined): void => void (svg && plots.set(`${name}.svg`, svg));
  const writes = ({ what }: Scenario): boolean => what !== 'get';
  add('writes', throughputPlot(run, 'Writes a second, by those of a server that does nothing', writes));
  const reads = ({ what }: Scenario): boolean => what === 'get';
  add('reads', throughputPlot(run, 'Reads a second, by those of a server that does nothing', reads));
  add('cpu', cpuPlot(run));
  add('latency', latencyPlot(run));
  add('lag', lagPlot(run));
  return plots;
}

function throughputPlot(run: Run, title: string, of: (one: Scenario) => boolean): string | undefined {
  const bars = scenarios.filter(of).flatMap(({ name, on }): Bar[] => {
    const measured = measuredOf(run, name);
    if (measured === undefined) return [];
    const { median, min, max } = throughputOf(measured);
    const whose = typeof on === 'string' ? 'others' : 'Driftless';
    return [{ name, parts: [{ name: whose, value: median }], range: [min, max] }];
  });
  return bars.length === 0 ? undefined : barsSvg({ title, unit: 'part of the ceiling', bars });
}

function cpuPlot(run: Run): string | undefined {
  const bars = scenarios.flatMap(({ name, on, connections }): Bar[] => {
    const measured = measuredOf(run, name);
    // One client alone leaves cores idle, and its share of what runs anyway would dwarf the rest.
    if (measured === undefined || typeof on === 'string' || connections === 1) return [];
    const parts = microsByProcess(measured).map(([process, value]) => ({ name: process, value }));
    return parts.length === 0 ? [] : [{ name, parts }];
  });
  const title = 'CPU time of a request, by process';
  return bars.length === 0 ? undefined : barsSvg({ title, unit: 'microseconds', bars });
}

function latencyPlot({ openLoops }: Run): string | undefined {
  const groups = Map.groupBy(openLoops, ({ scenario }) => scenario);
  const lines = [...groups].flatMap(([name, loops]): Line[] => [
    line(`${name} p50`, loops, ({ load }) => load.p50Ms),
    line(`${name} p99`, loops, ({ load }) => load.p99Ms),
  ]);
  return linePlot('Latency at fixed rates, from when a request was due', lines);
}

function lagPlot({ openLoops, sustained }: Run): string | undefined {
  const loops = openLoops.filter(({ lag }) => lag !== undefined);
  const full = sustained?.lags.at(-1);
  const lines = (['p50Ms', 'p99Ms'] as const).map((q): Line => {
    const { points } = line(q, loops, ({ lag }) => lag?.[q] ?? Number.NaN);
    const last = full === undefined ? [] : [{ x: 100, y: full[q] }];
    return { name: q.replace('Ms', ''), points: [...points, ...last] };
  });
  return linePlot('Follower lag by load; at 100% the load is as much as is taken', lines);
}

function line(name: string, loops: readonly OpenLoop[], y: (loop: OpenLoop) => number): Line {
  return { name, points: loops.map((loop) => ({ x: loop.percentOfPeak, y: y(loop) })) };
}

function linePlot(title: string, lines: readonly Line[]): string | undefined {
  const known = lines
    .map(({ name, points }) => ({ name, points: points.filter(({ y }) => y > 0) }))
    .filter(({ points }) => points.length > 0);
  if (known.length === 0) return undefined;
  const xMarks = [...new Set(known.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  return svgOf({ title, xName: '% of the peak', yName: 'milliseconds', lines: known, xMarks });
}
