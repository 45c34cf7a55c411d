/** docs/scrape-cost.md, of one run. */
import { markdownTable as table } from 'markdown-table';
import type { PairCost } from '../measure/pairs.ts';
import { pairTable, percent } from '../report/pair-table.ts';
import type { ScrapeCost } from './measure.ts';

export interface Run {
  /** Cores, memory, versions, and how busy it was besides, in words. */
  machine: string;
  everyMs: number;
  loads: readonly PairCost[];
  scrapes: readonly ScrapeCost[];
}

export function pageOf({ machine, everyMs, loads, scrapes }: Run): string {
  const every = `${everyMs / 1000} s`;
  const busy = scrapes.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0) / (everyMs * 1000);
  return [
    '# What scrapes cost',
    '<!-- Made by `npm run bench:scrape`. -->',
    `Three nodes, one shard, a gateway, anti-entropy; 64 connections, values of 100 bytes. Of one run on one
machine, and only the ratios promise something: ${machine}.`,
    '## Under load',
    `Rounds with every process scraped every ${every}, and without, in turns on one cluster. How much more CPU
time all processes together take for a request, and how many fewer are answered: medians of the pairs
(min–max).`,
    pairTable(loads),
    '## One scrape',
    `Its CPU time in the process that is scraped, a hundred in a row while nothing else is asked. Every
${every}, all of them together keep a core busy for ${(busy * 100).toFixed(2)}% of the time.`,
    table([['Process', 'Series', 'Bytes', 'CPU time, ms', `Of a core, every ${every}`], ...scrapes.map(row)]),
  ]
    .join('\n\n')
    .concat('\n');

  function row({ process, series, bytes, cpuMicros }: ScrapeCost): string[] {
    const part = cpuMicros / (everyMs * 1000);
    return [process, String(series), String(bytes), (cpuMicros / 1000).toFixed(1), percent(100 * part)];
  }
}
