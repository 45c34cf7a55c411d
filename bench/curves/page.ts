/** docs/cost-curves.md, of one run. */
import { markdownTable } from 'markdown-table';
import { folded } from '../report/folded.ts';
import { microsByProcess, throughputOf, typical, writtenByProcess } from '../report/metrics.ts';
import type { Measured } from '../report/run.ts';
import {
  beginning,
  ceilingText,
  count,
  machineText,
  mebibytes,
  msText,
  skippedPart,
  spreadText,
} from '../report/words.ts';
import { base, cluster } from '../scenarios.ts';
import { type ClosedAxisName, closedAxisNames, valueKeys } from './axes.ts';
import {
  type ClosedPoint,
  closedPoints,
  deliveryMicros,
  gatewayCores,
  keyLoadPoints,
  known,
  microsOf,
  serving,
  writtenOf,
} from './figures.ts';
import type { CurvesRun, KeySizes, WatchPoint } from './run.ts';

const titles: Record<ClosedAxisName, { title: string; unit: string; xText(x: number): string }> = {
  value: { title: 'Size of values', unit: 'Bytes', xText: (x) => count.format(x) },
  shards: { title: 'Shards', unit: 'Shards', xText: String },
  replicas: { title: 'Replicas', unit: 'Replicas', xText: String },
  gateways: { title: 'Gateways', unit: 'Gateways', xText: String },
};

type Image = (name: string, title: string) => string[];

/** `plots`: names of the files that were made, in `folder` beside the page. */
export function pageOf(run: CurvesRun, folder: string, plots: ReadonlySet<string>): string {
  const image: Image = (name, title) =>
    plots.has(`${name}.svg`) ? [`![${title}](${folder}/${name}.svg)`] : [];
  const parts = [
    '# What operations cost',
    '<!-- Made by `npm run bench:curves`. -->',
    ...introduction(run),
    ...closedAxisNames.flatMap((axis) => closedPart(run, axis, image)),
    ...keysPart(run, image),
    ...watchersPart(run, image),
    ...bootstrapPart(run, image),
    ...skippedPart(run),
  ];
  return `${parts.join('\n\n')}\n`;
}

function introduction(run: CurvesRun): string[] {
  const { replicas, shards, gateways } = cluster;
  return [
    folded(`${beginning(run)} One thing is varied at a time. ${ceilingText(run)}`),
    folded(`CPU time is that of all processes but the load generator, user and system, for a request that was
      answered 2xx. Bytes written are those that a PUT has its processes write to storage (\`write_bytes\` of
      /proc): whole pages, on all replicas and in nats-server together.`),
    machineText(run),
    folded(`What is not said is as in the base: PUT with ack=${base.ack}, GET with ${base.level} consistency,
      ${replicas} replicas, ${shards} shard, ${gateways} gateway, ${base.connections} connections, values of
      ${base.valueBytes} bytes, ${count.format(base.keys)} keys.`),
  ];
}

function closedPart(run: CurvesRun, axis: ClosedAxisName, image: Image): string[] {
  const points = closedPoints(run, axis);
  if (points.length === 0) return [];
  const { title, unit, xText } = titles[axis];
  return [
    `## ${title}`,
    ...(axis === 'value' ? [`Of ${count.format(valueKeys)} keys.`] : []),
    ...loadTables(points, unit, xText),
    ...changes(points, unit, xText),
    ...(axis === 'value' ? amplification(points) : []),
    ...image(axis, title),
    ...image(`${axis}-written`, 'Bytes written'),
  ];
}

/** Rates and costs of both requests, then those of a PUT by process. */
function loadTables(points: readonly ClosedPoint[], unit: string, xText: (x: number) => string): string[] {
  const rows = points.map(({ x, put, get }) => [
    xText(x),
    ...figuresOf(put),
    numberText(writtenOf(put)),
    ...figuresOf(get),
  ]);
  const puts = ['PUTs a second', 'of the ceiling', 'p99 ms', 'CPU µs', 'Bytes written'];
  const gets = ['GETs a second', 'of the ceiling', 'p99 ms', 'CPU µs'];
  return [markdownTable([[unit, ...puts, ...gets], ...rows]), ...processTable(points, unit, xText)];
}

function figuresOf(measured: Measured | undefined): string[] {
  if (measured === undefined) return ['', '', '', ''];
  return [
    count.format(typical(measured, ({ perSecond }) => perSecond)),
    spreadText(throughputOf(measured), 2),
    msText(typical(measured, ({ p99Ms }) => p99Ms)),
    numberText(microsOf(measured)),
  ];
}

function processTable(points: readonly ClosedPoint[], unit: string, xText: (x: number) => string): string[] {
  const text = (parts: readonly [string, number][]): string =>
    parts.map(([name, value]) => `${name} ${count.format(value)}`).join(', ');
  const rows = points.flatMap(({ x, put }) =>
    put ? [[xText(x), text(serving(microsByProcess(put))), text(writtenByProcess(put))]] : [],
  );
  if (rows.every(([, micros]) => micros === '')) return [];
  return ['A PUT by process:', markdownTable([[unit, 'CPU time, microseconds', 'Bytes written'], ...rows])];
}

/** From the first point to the last. */
function changes(points: readonly ClosedPoint[], unit: string, xText: (x: number) => string): string[] {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || first === last) return [];
  const rate = (measured: Measured | undefined) =>
    measured && typical(measured, ({ perSecond }) => perSecond);
  const parts = [
    timesText('PUTs a second', rate(first.put), rate(last.put)),
    timesText('CPU time of a PUT', microsOf(first.put), microsOf(last.put)),
    timesText('bytes written by one', writtenOf(first.put), writtenOf(last.put)),
    timesText('GETs a second', rate(first.get), rate(last.get)),
    timesText('CPU time of a GET', microsOf(first.get), microsOf(last.get)),
  ].flat();
  if (parts.length === 0) return [];
  const [from, to] = [xText(first.x), xText(last.x)];
  return [folded(`${unit}: from ${from} to ${to}, by how much each is multiplied: ${parts.join('; ')}.`)];
}

function timesText(what: string, from: number | undefined, to: number | undefined): string[] {
  return from === undefined || to === undefined ? [] : [`${what} ${(to / from).toFixed(2)}`];
}

/** Bytes written for each byte of a value. */
function amplification(points: readonly ClosedPoint[]): string[] {
  const parts = points.flatMap(({ x, put }) => {
    const bytes = writtenOf(put);
    return bytes === undefined ? [] : [`${(bytes / x).toFixed(1)} at ${count.format(x)}`];
  });
  return parts.length === 0 ? [] : [folded(`Bytes written for each byte of the value: ${parts.join(', ')}.`)];
}

function keysPart(run: CurvesRun, image: Image): string[] {
  const { sizes } = run;
  if (sizes.length === 0) return [];
  const processes = sizes[0]?.memory?.map(({ name }) => name) ?? [];
  const memory = sizes.map((size) => [
    count.format(size.keys),
    ...processes.map((name) => growthText(size, name)),
  ]);
  const files = sizes.map(({ keys, fillSeconds, nodeBytes, natsBytes }) => [
    count.format(keys),
    count.format(keys / fillSeconds),
    mebibytes(nodeBytes),
    count.format(nodeBytes / keys),
    mebibytes(natsBytes),
    count.format(natsBytes / keys),
  ]);
  const fileHead = [
    'Keys',
    'Written a second',
    'Node, MiB',
    'bytes a key',
    'nats-server, MiB',
    'bytes a key',
  ];
  return [
    '## Keys',
    ...loadTables(keyLoadPoints(run), 'Keys', (x) => count.format(x)),
    folded(`Before these loads, each key was written once, in batches with ack=all. Files after that: those
      of a node (mean of all nodes) have rows, log and write-ahead log; those of nats-server the stream.`),
    markdownTable([fileHead, ...files]),
    ...(processes.length === 0
      ? []
      : [
          folded(`Resident memory, MiB, after that, and in brackets by how many bytes a key it grew
            meanwhile; the processes of one name together.`),
          markdownTable([['Keys', ...processes], ...memory]),
        ]),
    ...image('keys', 'Memory and files'),
  ];
}

function growthText({ keys, memory }: KeySizes, process: string): string {
  const found = memory?.find(({ name }) => name === process);
  if (found === undefined) return '';
  const growth = (found.filledBytes - found.emptyBytes) / keys;
  return `${mebibytes(found.filledBytes)} (${count.format(growth)})`;
}

function watchersPart({ watchers: points }: CurvesRun, image: Image): string[] {
  const [first] = points;
  if (first === undefined) return [];
  const rows = points.map((point) => [
    count.format(point.watchers),
    count.format(point.due),
    ...deliveryTexts(point),
    gatewayCores(point)?.toFixed(2) ?? '',
    numberText(deliveryMicros(point, points)),
    point.delivered?.cores.toFixed(2) ?? '',
  ]);
  const head = ['Watchers', 'Changes due', 'Delivered', 'p50 ms', 'p99', 'largest', 'Gateway, cores'];
  return [
    '## Watchers',
    folded(`Connections to \`GET /v1/watch\` with a prefix that all keys have, while ${first.perSecond} writes
      a second are due: each goes to every watcher. A change is as old as when its leader committed it, by the
      machine's clock, to the millisecond. CPU time of a delivery is that of the gateway beyond what it takes
      for the same writes without watchers. The gateway is configured to take more than its default of
      watchers; those who watch are one process, on the same cores.`),
    markdownTable([[...head, 'CPU µs a delivery', 'Watchers, cores'], ...rows]),
    ...image('watchers', 'Age of a change when it arrives'),
  ];
}

function deliveryTexts({ due, delivered }: WatchPoint): string[] {
  if (delivered === undefined) return ['', '', '', ''];
  const { events, p50Ms, p99Ms, maxMs } = delivered;
  const missing = due - events;
  const text = missing === 0 ? 'all' : `all but ${count.format(missing)}`;
  return [text, ...[p50Ms, p99Ms, maxMs].map(msText)];
}

function bootstrapPart({ bootstraps }: CurvesRun, image: Image): string[] {
  if (bootstraps.length === 0) return [];
  const rows = bootstraps.map(({ count: keys, seconds }) => [
    count.format(keys),
    seconds.toFixed(2),
    count.format(keys / seconds),
  ]);
  return [
    '## A new replica',
    folded(`A third node joins two that hold one shard: from its first answer until it has a copy of every
      key.`),
    markdownTable([['Keys', 'Seconds', 'Keys a second'], ...rows]),
    ...image('bootstrap', 'Seconds until a new replica has its copy'),
  ];
}

function numberText(number: number | undefined): string {
  const found = known(number);
  if (found === undefined) return '';
  return Math.abs(found) < 10 ? found.toFixed(1) : count.format(found);
}
