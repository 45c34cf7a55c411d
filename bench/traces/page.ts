/** docs/trace-cost.md, of one run. */
import { markdownTable as table } from 'markdown-table';
import { costsOf } from '../measure/pairs.ts';
import { pairTable, percent } from '../report/pair-table.ts';
import { median } from '../statistics.ts';
import type { TraceCost } from './measure.ts';

export interface Run {
  /** Cores, memory, versions, and how busy it was besides, in words. */
  machine: string;
  measureMs: number;
  costs: readonly TraceCost[];
}

/** What one request in a hundred may cost, percent of the requests a second. */
const costMax = 5;
const promisedRatio = 0.01;

export function pageOf({ machine, measureMs, costs }: Run): string {
  return [
    '# What traces cost',
    '<!-- Made by `npm run bench:traces`. -->',
    `Two clusters of three nodes, one shard, a gateway and anti-entropy each; 64 connections, values of 100
bytes. One traces a part of its requests and sends the spans to a process that throws them away; the other
traces nothing. Rounds of ${measureMs / 1000} s in turns. Of one run on one machine, and only the ratios
promise something: ${machine}.`,
    '## Under load',
    `How much more CPU time all processes of the cluster together take for a request, and how many fewer are
answered: medians of the pairs (min–max).`,
    pairTable(costs.map((cost) => ({ ...cost, load: `${cost.load}; ${cost.ratio * 100}% traced` }))),
    `One request in a hundred may cost ${costMax}% of the requests a second at most. ${verdictOf(costs)}`,
    '## Spans',
    table([['Load', 'Traced', 'Spans sent', 'Spans lost'], ...costs.map(row)]),
  ]
    .join('\n\n')
    .concat('\n');
}

export function verdictOf(costs: readonly TraceCost[]): string {
  const promised = costs.filter(({ ratio }) => ratio === promisedRatio);
  const over = promised.filter((cost) => -median(costsOf(cost, 'perSecond')) > costMax);
  if (over.length === 0) return 'This run shows it, by the medians.';
  return `This run does not show it: ${over.map(({ load }) => load).join('; ')}.`;
}

function row({ load, ratio, sent, lost }: TraceCost): string[] {
  return [load, percent(ratio * 100), String(sent), String(lost)];
}
