/** docs/performance.md, of one run. */

import { markdownTable } from 'markdown-table';
import { peers } from '../peers/peers.ts';
import { type Scenario, scenarios } from '../scenarios.ts';
import type { Spread } from '../statistics.ts';
import { type Verdict, verdictsOf } from './expected.ts';
import { folded } from './folded.ts';
import { costOf, measuredOf, microsByProcess, noiseOf, throughputOf, typical } from './metrics.ts';
import type { Job, Measured, Run } from './run.ts';

const count = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const percent = (part: number): string => `${(part * 100).toFixed(0)}%`;

/** `plots`: names of the files that were made, in `folder` beside the page. */
export function pageOf(run: Run, folder: string, plots: ReadonlySet<string>): string {
  const image = (name: string, title: string): string[] =>
    plots.has(`${name}.svg`) ? [`![${title}](${folder}/${name}.svg)`] : [];
  const parts = [
    '# How fast it is',
    '<!-- Made by `npm run bench`. -->',
    ...introduction(run),
    ...expected(run),
    ...throughput(run, 'Writes', ({ what, axis }) => what === 'put' && axis !== 'peer'),
    ...throughput(run, 'Counters', ({ axis }) => axis === 'counter'),
    ...throughput(run, 'Peers', ({ axis }) => axis === 'peer'),
    ...image('writes', 'Writes'),
    ...throughput(run, 'Reads', ({ what }) => what === 'get'),
    ...image('reads', 'Reads'),
    ...fixedRates(run),
    ...image('latency', 'Latency at fixed rates'),
    ...image('lag', 'Follower lag'),
    ...fullLoad(run),
    ...costs(run),
    ...image('cpu', 'CPU time'),
    ...jobs(run),
    ...skipped(run),
  ];
  return `${parts.join('\n\n')}\n`;
}

function introduction(run: Run): string[] {
  const { mode, rounds, measureMs, machine, seconds, startedAt } = run;
  const { cores, processor, memoryGiB, system, versions, loadAverageBefore } = machine;
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    folded(`One run of ${Math.round(seconds / 60)} minutes (${mode}), begun ${startedAt}. The **ceiling**
      of a load is what a Fastify server that does nothing answers of it: the same requests, connections
      and bytes, measured in turns with it, in each of ${rounds} rounds of ${measureMs} ms. Ratios to it
      are medians (smallest–largest round); absolute figures are those of this machine, whose cores load
      generator, gateway, nodes and nats-server share. The rounds of a scenario differ by
      ${percent(noiseOf(run))} (median of all scenarios): what is closer together is the same.`),
    folded(`Machine: ${cores} cores (${processor}), ${memoryGiB} GiB, ${system}; ${names.join(', ')}; load
      average of other work before it began: ${loadAverageBefore}.`),
    folded(`What is not said is as in the base: PUT with ack=stream, GET with eventual consistency,
      3 replicas, 1 shard, 64 connections, values of 100 bytes, 20,000 keys.`),
  ];
}

function expected(run: Run): string[] {
  const verdicts = verdictsOf(run);
  const missed = verdicts.filter(({ found }) => found?.isMet === false);
  const known = verdicts.filter(({ found }) => found !== undefined);
  const rows = verdicts.map(({ what, wanted, found }) => {
    const answer = found === undefined ? 'not measured' : found.isMet ? 'yes' : '**no**';
    return [what, wanted, found?.text ?? '', answer];
  });
  return [
    '## What is expected of it',
    `Met: ${known.length - missed.length} of the ${known.length} that this run measured.`,
    ...(missed.length === 0 ? [] : ['Not met:', missed.map(missedLine).join('\n')]),
    markdownTable([['What', 'Wanted', 'This run', 'Met'], ...rows]),
  ];
}

function missedLine({ what, wanted, found }: Verdict): string {
  return `- ${what}: ${found?.text}, wanted ${wanted}`;
}

/** What differs from the base, in words. */
export function titleOf({ what, ack, level, axis, connections, valueBytes, keys, on }: Scenario): string {
  if (typeof on === 'string') return peers[on].title;
  const request = { put: `PUT ack=${ack}`, get: `GET ${level}`, increment: 'Increments' }[what];
  const varied: Record<Scenario['axis'], string> = {
    base: '',
    ack: '',
    level: '',
    value: `values of ${count.format(valueBytes)} bytes`,
    connections: `${connections} ${connections === 1 ? 'connection' : 'connections'}`,
    replicas: `${on.replicas} ${on.replicas === 1 ? 'replica' : 'replicas'}`,
    shards: `${on.shards} shards`,
    counter: keys === 1 ? 'all of one key' : `of ${count.format(keys)} keys`,
    peer: '',
  };
  return varied[axis] === '' ? request : `${request}, ${varied[axis]}`;
}

function throughput(run: Run, title: string, of: (scenario: Scenario) => boolean): string[] {
  const rows = scenarios.filter(of).flatMap((scenario) => {
    const measured = measuredOf(run, scenario.name);
    return measured ? [throughputRow(scenario, measured)] : [];
  });
  if (rows.length === 0) return [];
  const head = ['Name', '', 'Per second', 'Of the ceiling', 'p50 ms', 'p99 ms', 'CPU, × ceiling', 'Refused'];
  return [`## ${title}`, markdownTable([head, ...rows])];
}

function throughputRow(scenario: Scenario, measured: Measured): string[] {
  const cost = costOf(measured);
  const refused = measured.rounds.reduce((sum, { sample }) => sum + sample.refused + sample.unanswered, 0);
  return [
    `\`${scenario.name}\``,
    titleOf(scenario),
    count.format(typical(measured, ({ perSecond }) => perSecond)),
    spreadText(throughputOf(measured), 2),
    typical(measured, ({ p50Ms }) => p50Ms).toFixed(2),
    typical(measured, ({ p99Ms }) => p99Ms).toFixed(1),
    cost ? spreadText(cost, 1) : '',
    count.format(refused),
  ];
}

function spreadText({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
}

function fixedRates({ openLoops }: Run): string[] {
  if (openLoops.length === 0) return [];
  const head = ['', 'Of the peak', 'Due a second', 'Answered', 'p50 ms', 'p90', 'p99', 'p99.9', 'largest'];
  const rows = openLoops.map(({ scenario, percentOfPeak, perSecond, load, lag }) => [
    `\`${scenario}\``,
    `${percentOfPeak}%`,
    count.format(perSecond),
    count.format(load.perSecond),
    ...[load.p50Ms, load.p90Ms, load.p99Ms, load.p999Ms, load.maxMs, load.lateP99Ms].map(msText),
    ...[lag?.p50Ms, lag?.p99Ms].map(msText),
    count.format(load.refused + load.unanswered),
  ]);
  return [
    '## At fixed rates',
    folded(`Open loop: requests are due at even distances, whether or not answers came, and their latency
      counts from then. "Late" is how late the load generator itself sent what was due, p99: so much of
      a latency is its own. The lag of followers is the age of an event when a follower applied it.`),
    markdownTable([[...head, 'Late', 'Lag p50', 'Lag p99', 'Refused'], ...rows]),
  ];
}

function msText(ms: number | undefined | null): string {
  return typeof ms === 'number' && Number.isFinite(ms) ? ms.toFixed(1) : '';
}

function fullLoad({ sustained }: Run): string[] {
  if (sustained === undefined) return [];
  const { seconds, load, lags } = sustained;
  const rows = lags.map(({ p50Ms, p99Ms }, i) => [
    `${i + 1} of ${lags.length}`,
    msText(p50Ms),
    msText(p99Ms),
  ]);
  return [
    '## Under full load',
    folded(`PUT from 64 connections for ${seconds} s, closed loop: ${count.format(load.perSecond)} a second,
      p99 ${load.p99Ms.toFixed(1)} ms. Lag of followers by parts of that time:`),
    markdownTable([['Part', 'Lag p50, ms', 'Lag p99, ms'], ...rows]),
  ];
}

function costs(run: Run): string[] {
  const rows = scenarios.flatMap(({ name }) => {
    const measured = measuredOf(run, name);
    const parts = measured ? microsByProcess(measured) : [];
    if (parts.length === 0) return [];
    const text = parts.map(([process, micros]) => `${process} ${micros.toFixed(0)}`).join(', ');
    return [[`\`${name}\``, text, parts.reduce((sum, [, micros]) => sum + micros, 0).toFixed(0)]];
  });
  if (rows.length === 0) return ['## CPU time', 'Not known on this system: there is no /proc.'];
  return [
    '## CPU time of a request, by process',
    'Microseconds, user and system, of all threads; medians of the rounds.',
    markdownTable([['Name', 'By process', 'Sum'], ...rows]),
  ];
}

function jobs({ import: imported, bootstrap }: Run): string[] {
  const row = (what: string, { count: done, seconds }: Job): string[] => [
    what,
    count.format(done),
    seconds.toFixed(1),
    count.format(done / seconds),
  ];
  const rows = [
    ...(imported ? [row('`driftless import` of NDJSON, records', imported)] : []),
    ...(bootstrap ? [row('a new replica of a shard, keys', bootstrap)] : []),
  ];
  if (rows.length === 0) return [];
  return ['## Whole jobs', markdownTable([['What', 'How many', 'Seconds', 'Per second'], ...rows])];
}

function skipped({ skipped: all }: Run): string[] {
  if (all.length === 0) return [];
  return ['## Not measured', all.map(({ name, reason }) => `- \`${name}\`: ${reason}`).join('\n')];
}
