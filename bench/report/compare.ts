/**
 * Two runs side by side. Machines and minutes differ, so only ratios within a run are compared, and a change
 * counts when it is larger than what the rounds of either run differ by.
 */
import type { Spread } from '../statistics.ts';
import { costOf, measuredOf, throughputOf } from './metrics.ts';
import type { Measured, Run } from './run.ts';

/** Less than this is never called a change: a few rounds may agree by accident. */
const noiseMin = 0.03;

const metrics: readonly Metric[] = [
  { name: 'throughput', of: throughputOf, better: 1 },
  { name: 'CPU time', of: costOf, better: -1 },
];

interface Metric {
  name: string;
  of(measured: Measured): Spread | undefined;
  /** 1: more is better; −1: less is. */
  better: 1 | -1;
}

export interface Change {
  scenario: string;
  metric: string;
  base: Spread;
  now: Spread;
  verdict: 'better' | 'as before' | 'worse';
}

export interface Comparison {
  changes: Change[];
  /** Scenarios that the base has and this run has not. */
  missing: string[];
}

export function compareRuns(base: Run, now: Run): Comparison {
  const changes: Change[] = [];
  const missing: string[] = [];
  for (const before of base.measured) {
    const after = measuredOf(now, before.scenario);
    if (after === undefined) missing.push(before.scenario);
    else changes.push(...metrics.flatMap((metric) => changeOf(metric, before, after)));
  }
  return { changes, missing };
}

function changeOf({ name, of, better }: Metric, before: Measured, after: Measured): Change[] {
  const [base, now] = [of(before), of(after)];
  if (base === undefined || now === undefined) return [];
  return [{ scenario: before.scenario, metric: name, base, now, verdict: verdictOf(base, now, better) }];
}

function verdictOf(base: Spread, now: Spread, better: 1 | -1): Change['verdict'] {
  const noise = Math.max(base.max - base.min, now.max - now.min, noiseMin * base.median);
  const gain = (now.median - base.median) * better;
  if (Math.abs(gain) <= noise) return 'as before';
  return gain > 0 ? 'better' : 'worse';
}

/** For people; what became worse first. */
export function comparisonText({ changes, missing }: Comparison): string {
  const order = ['worse', 'better', 'as before'];
  const sorted = changes.toSorted((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict));
  const lines = sorted.map(({ scenario, metric, base, now, verdict }) => {
    return `${verdict}: ${scenario}, ${metric}: ${text(base)} → ${text(now)} of the ceiling`;
  });
  return [...lines, ...missing.map((name) => `not measured: ${name}`)].join('\n');
}

function text({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
}
