/** docs/counter.md, of one run. */
import { markdownTable as table } from 'markdown-table';
import { type CounterRun, type Failover, type Measured, verdictOfFailover } from './run.ts';
import { partsOf } from './wrk.ts';

const partSeconds = 10;
/** From so much of all cores on, nothing is left that another process could use. */
const fullPart = 0.85;
/** From so much more on, an increment costs more, beyond noise. */
const costGrowth = 1.15;
const count = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export function pageOf(run: CounterRun): string {
  const { threads, connections, seconds, warmUpSeconds, failover } = run;
  return [
    '# A counter, with one replica and with four',
    '<!-- Made by `npm run bench:counter`. -->',
    `\`POST /api/counter/increment\`, by wrk: ${threads} threads, ${connections} connections, ${seconds} s
after a warm-up of ${warmUpSeconds} s. Each replica has its own port, and threads take them by turns, so that
no load balancer is measured.`,
    machineWords(run),
    `Driftless is three nodes with one shard, a gateway or four, nats-server and anti-entropy: an increment is
answered when it is on the leader's disk and in JetStream. Flask stands behind gunicorn, one worker or four,
each of 16 threads; Redis has two replicas, writes its file to disk each second, and answers from memory.`,
    '## What was answered',
    answeredOf(run),
    `Errors are connections refused or cut, and answers that are not 2xx. _Parts_ are the slowest and the
fastest ${partSeconds} s of the run: differences smaller than those are noise. _Exact_: the counter grew by as
many as were answered.`,
    ...scalingOf(run),
    ...(failover === undefined ? [] : failoverOf(failover)),
    ...(run.skipped.length === 0 ? [] : ['## Not measured', skippedOf(run)]),
    '## Against a system that runs',
    `The same command loads any such counter, say one that Compose, Swarm or k3s runs, and prints what it
found: \`npm run bench:counter -- --url http://127.0.0.1:8080\`.`,
  ]
    .join('\n\n')
    .concat('\n');
}

/** The table by itself. */
export function answeredOf({ measured, seconds }: CounterRun): string {
  return table([headOfRates, ...measured.map((one) => rateRow(one, seconds))]);
}

function machineWords({ machine, startedAt }: CounterRun): string {
  const { cores, processor, memoryGiB, system, versions, loadAverageBefore } = machine;
  const parts = Object.entries(versions)
    .filter(([name]) => name !== 'etcd')
    .map(([name, version]) => `${name} ${version}`);
  return `All of it, wrk too, shared one machine: ${cores} cores (${processor}), ${memoryGiB} GiB, ${system};
${parts.join(', ')}; load average before it began ${loadAverageBefore}; ${startedAt.slice(0, 10)}. The
figures are that machine's, from one run: compare them with each other only.`;
}

const headOfRates = [
  '',
  'Replicas',
  'Increments/s',
  'Parts',
  'p50, ms',
  'p95, ms',
  'p99, ms',
  'Errors',
  'Answered',
  'Exact',
];

function rateRow({ name, replicas, report, grew }: Measured, seconds: number): string[] {
  const parts = partsOf(report.sent, seconds, Math.min(partSeconds, seconds));
  const { refused, connect, read, write, timeout } = report;
  return [
    name,
    String(replicas),
    count.format(report.perSecond),
    `${count.format(Math.min(...parts))}–${count.format(Math.max(...parts))}`,
    ...[report.p50Ms, report.p95Ms, report.p99Ms].map((ms) => ms.toFixed(1)),
    count.format(refused + connect + read + write + timeout),
    count.format(report.ok),
    grew === report.ok ? 'yes' : `no: grew by ${count.format(grew)}`,
  ];
}

function scalingOf({ measured, machine }: CounterRun): string[] {
  const known = measured.filter(({ cpuMicrosEach }) => cpuMicrosEach !== undefined);
  if (known.length === 0) return [];
  const lines = [...Map.groupBy(known, ({ name }) => name)].flatMap(([name, ofName]) => {
    const one = ofName.find(({ replicas }) => replicas === 1);
    const four = ofName.find(({ replicas }) => replicas === 4);
    return one && four ? [reason(name, one, four, machine.cores)] : [];
  });
  const names = [...new Set(known.flatMap(({ cpuMicrosEach = {} }) => Object.keys(cpuMicrosEach)))];
  const rows = known.map(({ name, replicas, cpuMicrosEach = {}, busyCores }) => [
    name,
    String(replicas),
    ...names.map((process) => cpuMicrosEach[process]?.toFixed(0) ?? ''),
    busyCores?.servers.toFixed(2) ?? '',
    busyCores?.generator.toFixed(2) ?? '',
  ]);
  const head = ['', 'Replicas', ...names, 'Cores, servers', 'Cores, wrk'];
  return [
    '## Why four replicas are as fast as they are',
    'CPU time of an increment by process, microseconds, and how many cores were kept busy.',
    table([head, ...rows]),
    ...lines,
  ];
}

/** What the figures say, and no more. */
function reason(name: string, one: Measured, four: Measured, cores: number): string {
  const ratio = four.report.perSecond / one.report.perSecond;
  const busy = (measured: Measured): number =>
    (measured.busyCores?.servers ?? 0) + (measured.busyCores?.generator ?? 0);
  const cost = (measured: Measured): number =>
    Object.entries(measured.cpuMicrosEach ?? {})
      .filter(([process]) => process !== 'wrk')
      .reduce((sum, [, micros]) => sum + micros, 0);
  const full = busy(one) >= cores * fullPart;
  const costsMore = cost(four) > cost(one) * costGrowth;
  const more = name === 'Driftless' ? (costsMore ? gatheredIn(one, four) : '') : aloneIn(one);
  const why = full
    ? `With one replica the machine was full already: ${busy(one).toFixed(2)} of ${cores} cores were busy.
Replicas can only take from each other what one has, so the rate follows what an increment costs all
processes together.`
    : `With one replica ${busy(one).toFixed(2)} of ${cores} cores were busy, with four
${busy(four).toFixed(2)}: what one leaves idle is all that more of them can gain here.`;
  return `**${name}**: four replicas answered ${ratio.toFixed(2)} times what one did, and an increment cost
the servers ${cost(one).toFixed(0)} µs with one and ${cost(four).toFixed(0)} µs with four. ${why}${more}`;
}

/** What is known of each beside the figures. */
function gatheredIn(one: Measured, four: Measured): string {
  const figures =
    one.gathered && four.gathered
      ? `: a request to the leader carried ${one.gathered.request.toFixed(1)} increments with one and
${four.gathered.request.toFixed(1)} with four, a commit ${one.gathered.commit.toFixed(1)} and
${four.gathered.commit.toFixed(1)}`
      : '';
  return ` Each gateway gathers only what comes to it, so that there are more and smaller requests, commits
and events for as many increments, and every process pays for each of them${figures}. More gateways pay where
each has cores of its own.`;
}

function aloneIn(one: Measured): string {
  return ` A worker runs Python on one core at a time, and its threads wait for each other: that one kept
${one.busyCores?.servers.toFixed(2)} cores busy, Redis with it, and could not use the rest.`;
}

function failoverOf(failover: Failover): string[] {
  const { report, grew, events, converged, seconds } = failover;
  const { isKept, unknown, made } = verdictOfFailover(failover);
  const statuses = Object.entries(report.statuses).map(
    ([status, times]) => [`answer ${status}`, times] as const,
  );
  const rows = [
    ...statuses.filter(([name]) => name !== 'answer 200'),
    ['connections refused or cut', report.connect + report.read + report.write] as const,
  ];
  const slowest = Math.min(...partsOf(report.sent, seconds, 1));
  return [
    '## While parts of it are killed',
    `The same load on Driftless with four gateways, for ${seconds} s, with every answered value kept.`,
    events.map(({ second, what }) => `- ${second.toFixed(1)} s: ${what}`).join('\n'),
    `${count.format(report.ok)} increments were acknowledged, ${count.format(report.perSecond)} a second;
p95 ${report.p95Ms.toFixed(1)} ms, the slowest ${count.format(report.maxMs)} ms; in the worst second
${count.format(slowest)} were sent. The others:`,
    table([['', 'Times'], ...rows.map(([name, times]) => [name, count.format(times)])]),
    `Nearly all connections refused are wrk's, which tries the dead gateway again and again, at the cost
of the others, and knows no other; behind a load balancer nobody sees them. wrk repeats nothing; a client
that repeats an increment under its \`Idempotency-Key\` is told the first answer.`,
    `The counter grew by ${count.format(grew)}: all that were acknowledged, and ${count.format(made)} of
at most ${count.format(unknown)} whose fate the client does not know (cut off, or answered 504).
${count.format(report.values)} values were answered, ${report.twice === 0 ? 'none' : report.twice} of them
twice. **${isKept ? 'No' : 'An'} acknowledged increment was lost or doubled.** All replicas
${converged ? 'came' : 'did not come'} to equal roots afterwards.`,
  ];
}

function skippedOf({ skipped }: CounterRun): string {
  return skipped.map(({ name, reason: why }) => `- ${name}: ${why}`).join('\n');
}
