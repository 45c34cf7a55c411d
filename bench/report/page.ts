/** docs/performance.md, of one run. */

import { markdownTable } from 'markdown-table';
import { peers } from '../peers/peers.ts';
import { type Scenario, scenarios } from '../scenarios.ts';
import { median } from '../statistics.ts';
import { type Verdict, verdictsOf } from './expected.ts';
import { folded } from './folded.ts';
import {
  costOf,
  measuredOf,
  microsByProcess,
  noiseOf,
  overloadFigures,
  throughputOf,
  typical,
} from './metrics.ts';
import type { Job, Measured, Overload, Run } from './run.ts';
import {
  beginning,
  ceilingText,
  count,
  machineText,
  mebibytes,
  msText,
  percent,
  plural,
  section,
  skippedPart,
  spreadText,
} from './words.ts';

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
    ...overloaded(run),
    ...costs(run),
    ...image('cpu', 'CPU time'),
    ...jobs(run),
    ...skippedPart(run),
  ];
  return `${parts.join('\n\n')}\n`;
}

function introduction(run: Run): string[] {
  return [
    folded(`${beginning(run)} ${ceilingText(run)} The rounds of a scenario differ by
      ${percent(noiseOf(run))} (median of all scenarios): what is closer together is the same.`),
    machineText(run),
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
    connections: plural(connections, 'connection'),
    replicas: plural(on.replicas, 'replica'),
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
  const head = ['Name', '', 'Per second', 'Of the ceiling', 'p50 ms', 'p99 ms', 'CPU, × ceiling', 'Refused'];
  return section(title, head, rows);
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

function overloaded(run: Run): string[] {
  const { overload, machine } = run;
  if (overload === undefined) return [];
  const { seconds, timesPeak, connections, perSecond, peak, load, memory } = overload;
  const { taken, coresLeft, takenPerCore } = overloadFigures(overload, machine);
  const cores = (number: number): string => number.toFixed(2);
  const statuses = Object.entries(load.refusals).map(
    ([status, times]) => `${status}: ${count.format(times)}`,
  );
  const rows = [
    ['Writes taken a second', count.format(peak.perSecond), count.format(load.perSecond)],
    ['Their p99 since they were due, ms', msText(peak.p99Ms), msText(load.p99Ms)],
    ['Their p99 since they were sent, ms', msText(peak.p99Ms), msText(load.sentP99Ms)],
    ['Refusals by status', '', statuses.join(', ') || 'none'],
    ['p99 of refusals since they were sent, ms', '', msText(load.refusedP99Ms)],
    ['Never answered, or never sent', '', count.format(load.unanswered)],
    ['Cores that the load generator kept busy', cores(peak.generatorCores), cores(load.cores)],
    ['How late it sent what a connection was free for, p99 ms', '', msText(load.lateP99Ms)],
  ];
  const looks = (memory ?? []).map(({ name, beforeBytes, endBytes, maxBytes }) => [
    name,
    ...[beforeBytes, endBytes, maxBytes, endBytes - beforeBytes].map(mebibytes),
  ]);
  const head = ['Resident memory, MiB', 'Before', 'At the end', 'Largest', 'Growth'];
  return [
    '## Under more than it can do',
    folded(`PUT ack=stream, due ${count.format(perSecond)} times a second (${timesPeak} times the peak,
      which is the closed loop of \`${peak.scenario}\`) for ${seconds} s, over ${count.format(connections)}
      connections with one request at a time: more than can be served within the wait from which on a gateway
      refuses, since with fewer the wait for a connection is the queue, and nobody is ever refused. What finds
      no free connection waits for one, and its wait counts. With the time before it was measured,
      ${count.format(load.ok + load.refused)} requests were answered: ${count.format(load.ok)} taken,
      ${count.format(load.refused)} refused.`),
    markdownTable([['', 'At the peak', `At ${timesPeak} times the peak`], ...rows]),
    folded(`Taken: ${percent(taken)} of the peak. The load generator runs on the same
      ${plural(machine.cores, 'core')}: it left ${cores(machine.cores - peak.generatorCores)} of them at the
      peak and ${cores(machine.cores - load.cores)} here, ${percent(coresLeft)} of that, and
      what it took nobody could spend on writes. By the cores that were left, ${percent(takenPerCore)} of the
      peak was taken.`),
    ...beyondAll(run, overload),
    ...(looks.length === 0 ? [] : [markdownTable([head, ...looks])]),
  ];
}

/** That what was due is more than a server could answer here that does nothing, if it is. */
function beyondAll(run: Run, { perSecond, peak }: Overload): string[] {
  const measured = measuredOf(run, peak.scenario);
  const most = measured ? median(measured.rounds.map(({ ceiling }) => ceiling.perSecond)) : Number.NaN;
  if (!(perSecond > most)) return [];
  return [
    folded(`The server that does nothing answers ${count.format(most)} a second of the peak's load here, and
      ${count.format(perSecond)} were due, ${(perSecond / most).toFixed(2)} times as many: so nobody could
      have answered them all. What is left over waits for a connection, for longer and longer.`),
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
  return section('Whole jobs', ['What', 'How many', 'Seconds', 'Per second'], rows);
}
