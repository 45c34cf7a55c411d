/** docs/heal-cost.md, of one run. */

import { markdownTable as table } from 'markdown-table';
import type { PairCost } from '../measure/pairs.ts';
import { type Plot, svgOf } from '../plot/lines.ts';
import { median, quantile } from '../statistics.ts';
import type { HealCost } from './exchanges.ts';

export interface Run {
  /** Cores, memory, versions, and how busy it was besides, in words. */
  machine: string;
  valueBytes: number;
  heals: readonly HealCost[];
  writes: readonly PairCost[];
}

export const plotNames = { bytes: 'heal-cost-bytes.svg', time: 'heal-cost-time.svg' };

const count = new Intl.NumberFormat('en-US');

export function pageOf({ machine, valueBytes, heals, writes }: Run): string {
  return [
    '# What comparing and healing cost',
    '<!-- Made by `npm run bench:heal`. -->',
    `Two nodes hold one shard; values have ${valueBytes} bytes. A follower skips an event of so many
writes, is compared with its leader (\`diff\`: down to the keys, nothing is changed), and then
healed (\`heal\`: compared, repaired, and compared again until it is proven equal). Times are those
of the order on the follower, from its arrival to the answer. They are of one run on one machine,
and promise nothing: ${machine}.`,
    '## Two equal replicas',
    table([
      ['Keys', 'Bytes received', 'Took, ms'],
      ...heals.filter((cost) => !isDiffering(cost)).map(equalRow),
    ]),
    'One hash is compared, however many keys there are.',
    '## By what differs, and by how much there is',
    `Medians; where there were more than ten repetitions, p50 / p99. Bytes received are all that the peer
sent for comparing; values come besides.`,
    table([headOfCosts, ...heals.filter(isDiffering).map(costRow)]),
    `![Bytes received](${plotNames.bytes})`,
    `![Time to heal](${plotNames.time})`,
    `A bucket that differs is listed with all its rows, 24 bytes each, and both sides read their digests.
A bucket has keys / 4,096 rows. So the cost grows with what differs and with the size of
its buckets; what is equal costs nothing.`,
    '## What digests cost a write',
    `Two clusters of three nodes with one shard, in turns; the nodes of one of them compute no digests
and move no leaves. Medians of the pairs (min–max). The cost is one minus the ratio of writes a
second; in CPU time, by how much more the three nodes spend on a write.`,
    table([headOfWrites, ...writes.map(writeRow)]),
  ]
    .join('\n\n')
    .concat('\n');
}

/** Of the most keys and the largest difference, for docs/reliability.md. Milliseconds. */
export function healingOf(heals: readonly HealCost[]) {
  const { keys, differing, detectMs, heals: healed } = heals.at(-1) as HealCost;
  const ends = (times: readonly number[]) => ({
    p50: Math.round(quantile(times, 0.5)),
    p99: Math.round(quantile(times, 0.99)),
  });
  const healMs = healed.map(({ tookMs }) => tookMs);
  return { keys, differing, repeats: healed.length, detectMs: ends(detectMs), healMs: ends(healMs) };
}

function equalRow({ keys, diffs }: HealCost): string[] {
  const bytes = median(diffs.map(({ counts }) => counts.bytesReceived));
  return [count.format(keys), count.format(bytes), text(diffs.map(({ tookMs }) => tookMs))];
}

const headOfCosts = [
  'Keys',
  'Differing',
  'Keys compared',
  'Bytes received',
  'Bytes of values',
  'Compared, ms',
  'Healed and proven, ms',
];

function costRow({ keys, differing, diffs, heals }: HealCost): string[] {
  const of = (what: 'compared' | 'bytesReceived' | 'bytesShipped') =>
    count.format(median(heals.map(({ counts }) => counts[what])));
  return [
    count.format(keys),
    count.format(differing),
    of('compared'),
    of('bytesReceived'),
    of('bytesShipped'),
    text(diffs.map(({ tookMs }) => tookMs)),
    text(heals.map(({ tookMs }) => tookMs)),
  ];
}

const headOfWrites = ['Load', 'With, per second', 'Without', 'Cost', 'Cost in CPU time of nodes'];

function writeRow({ load, rounds }: PairCost): string[] {
  const rates = (side: 'with' | 'without') => rounds.map((round) => round[side].perSecond);
  const costs = rounds.map((round) => 1 - round.with.perSecond / round.without.perSecond);
  const cpu = rounds.map((round) => round.with.cpuMicros / round.without.cpuMicros - 1);
  return [load, rounded(rates('with')), rounded(rates('without')), percents(costs), percents(cpu)];
}

const rounded = (rates: readonly number[]): string => count.format(Math.round(median(rates)));
const percent = (part: number): string => `${(part * 100).toFixed(1)}%`;

function percents(parts: readonly number[]): string {
  return `${percent(median(parts))} (${percent(Math.min(...parts))} to ${percent(Math.max(...parts))})`;
}

function text(times: readonly number[]): string {
  const p50 = count.format(median(times));
  return times.length > 10 ? `${p50} / ${count.format(quantile(times, 0.99))}` : p50;
}

export function plotsOf(heals: readonly HealCost[]): Record<keyof typeof plotNames, string> {
  const xName = 'keys in the shard';
  const plot = (title: string, yName: string, y: (cost: HealCost) => number): Plot => ({
    title,
    xName,
    yName,
    lines: [...Map.groupBy(heals.filter(isDiffering), ({ differing }) => differing)].map(
      ([differing, costs]) => ({
        name: `${count.format(differing)} ${differing === 1 ? 'differs' : 'differ'}`,
        points: costs.map((cost) => ({ x: cost.keys, y: Math.max(1, y(cost)) })),
      }),
    ),
  });
  const bytes = (cost: HealCost) =>
    median(cost.heals.map(({ counts }) => counts.bytesReceived + counts.bytesShipped));
  const time = (cost: HealCost) => median(cost.heals.map(({ tookMs }) => tookMs));
  return {
    bytes: svgOf(plot('Bytes to heal a replica, values included', 'bytes', bytes)),
    time: svgOf(plot('Time to heal a replica and to prove it', 'milliseconds', time)),
  };
}

const isDiffering = ({ differing }: HealCost): boolean => differing > 0;
