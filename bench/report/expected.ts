/** What is expected of this store, and whether a run shows it: each expectation is a line of a table. */

import { overload } from '../scenarios.ts';
import {
  measuredOf,
  type OverloadFigures,
  overloadFigures,
  tailOf,
  throughputOf,
  typical,
} from './metrics.ts';
import type { Run } from './run.ts';

export interface Verdict {
  what: string;
  wanted: string;
  /** Absent: the run did not measure it. */
  found?: { text: string; isMet: boolean };
}

interface Expectation {
  what: string;
  wanted: string;
  /** Undefined, or no number, when the run did not measure it. */
  value(run: Run): number | undefined;
  isMet(value: number): boolean;
  text(value: number, run: Run): string;
}

type Value = Expectation['value'];
type Text = Expectation['text'];

const count = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const limit = new Intl.NumberFormat('en-US', { maximumFractionDigits: 2 });
const plain: Text = (value) => value.toFixed(2);
const times: Text = (value) => `${value.toFixed(2)} ×`;
const ms: Text = (value) => `${value.toFixed(1)} ms`;

const atLeast = (what: string, bound: number, value: Value, text: Text = plain, unit = ''): Expectation => ({
  what,
  wanted: `≥ ${limit.format(bound)}${unit}`,
  value,
  isMet: (found) => found >= bound,
  text,
});
const atMost = (what: string, bound: number, value: Value, text: Text, unit: string): Expectation => ({
  what,
  wanted: `≤ ${limit.format(bound)}${unit}`,
  value,
  isMet: (found) => found <= bound,
  text,
});

/** Throughput as part of the ceiling. */
const ratio =
  (scenario: string): Value =>
  (run) => {
    const measured = measuredOf(run, scenario);
    return measured && throughputOf(measured).median;
  };
/** Our throughput as a multiple of a peer's: both as parts of the ceilings beside them. */
const ahead =
  (ours: string, peer: string): Value =>
  (run) => {
    const [one, other] = [ratio(ours)(run), ratio(peer)(run)];
    return one === undefined || other === undefined ? undefined : one / other;
  };
const aheadOf = (title: string, ours: string, peer: string): Expectation =>
  atLeast(title, 1, ahead(ours, peer), times, ' ×');
const lagAt =
  (percent: number, q: 'p50Ms' | 'p99Ms'): Value =>
  ({ openLoops }) =>
    openLoops.find(({ scenario, percentOfPeak }) => scenario === 'put' && percentOfPeak === percent)?.lag?.[
      q
    ];
const job =
  (name: 'import' | 'bootstrap'): Value =>
  ({ [name]: done }) =>
    done && done.count / done.seconds;
const jobText =
  (name: 'import' | 'bootstrap', unit: string): Text =>
  (value, { [name]: done }) =>
    `${count.format(value)}/s (${count.format(done?.count ?? 0)} ${unit})`;
const overSeconds =
  (text: Text): Text =>
  (value, run) =>
    `${text(value, run)} (over ${run.sustained?.seconds} s)`;

/** What it may grow by while more is asked of it than it can do: room for a collector to be late. */
const growthMiBMax = 64;
const mebibyte = 2 ** 20;
const underOverload =
  (name: keyof OverloadFigures): Value =>
  ({ overload, machine }) =>
    overload && overloadFigures(overload, machine)[name];
const growthMiB: Value = (run) => {
  const bytes = underOverload('growthBytes')(run);
  return bytes && bytes / mebibyte;
};

const expectations: readonly Expectation[] = [
  atLeast('PUT ack=stream, of a PUT that does nothing', 0.4, ratio('put')),
  atLeast('The same: the far goal', 0.55, ratio('put')),
  atLeast('PUT ack=majority', 0.35, ratio('put-majority')),
  atLeast('PUT ack=stream of 1 KiB', 0.3, ratio('put-1k')),
  atMost('PUT ack=stream, p99 as a multiple of the ceiling’s', 3, tail('put'), times, ' ×'),
  atMost(
    'PUT ack=stream with one client, p50',
    1,
    p50Of('put-c1'),
    (value) => `${value.toFixed(2)} ms`,
    ' ms',
  ),
  atLeast('GET eventual, of a GET from a Map', 0.6, ratio('get')),
  atMost('Follower lag at half of the peak, p50', 5, lagAt(50, 'p50Ms'), ms, ' ms'),
  atMost('Follower lag at half of the peak, p99', 25, lagAt(50, 'p99Ms'), ms, ' ms'),
  atMost('Follower lag at full load, p99 of the worst third', 100, worstLag, overSeconds(ms), ' ms'),
  atMost('Growth of that lag: p50 of the last third by the first', 1.5, lagGrowth, overSeconds(times), ' ×'),
  ...overloadExpectations(),
  {
    what: 'Increments of one key: the total is what was answered',
    wanted: 'exact',
    value: (run) => exactness(run),
    isMet: (value) => value === 1,
    text: (value) => (value === 1 ? 'exact' : 'not exact'),
  },
  atLeast(
    'Increments of one key, as a multiple of flask-4',
    3,
    ahead('increment-hot', 'flask-4'),
    times,
    ' ×',
  ),
  aheadOf('PUT ack=majority, as a multiple of etcd', 'put-majority', 'etcd'),
  aheadOf('PUT ack=stream, as a multiple of nats-kv', 'put', 'nats-kv'),
  aheadOf('PUT ack=majority, as a multiple of redis-wait', 'put-majority', 'redis-wait'),
  atLeast('Import, records a second', 30_000, job('import'), jobText('import', 'records')),
  atLeast('A new replica, keys a second', 100_000, job('bootstrap'), jobText('bootstrap', 'keys')),
];

/** The sentences name the multiple of the peak that is due: a run has but one. */
function overloadExpectations(): Expectation[] {
  const at = `At ${overload.timesPeak} times the peak`;
  const percent: Text = (value) => `${(value * 100).toFixed(1)}%`;
  const mib: Text = (value) => `${value.toFixed(0)} MiB`;
  return [
    atLeast(`${at}: writes taken, as part of the peak`, 0.9, underOverload('taken')),
    atLeast(`${at}: the same, of each core that the load generator left`, 0.9, underOverload('takenPerCore')),
    atMost(
      `${at}: p99 of writes taken since they were due, as a multiple of the peak’s p99`,
      2,
      underOverload('tail'),
      times,
      ' ×',
    ),
    {
      what: `${at}: of what was not taken, refused with 429 or 503`,
      wanted: 'all',
      value: underOverload('refused'),
      isMet: (value) => value === 1,
      text: percent,
    },
    atMost(
      `${at}: p99 of refusals since they were sent, as a multiple of the peak’s p99`,
      1,
      underOverload('refusalTail'),
      times,
      ' ×',
    ),
    atMost(`${at}: growth of resident memory`, growthMiBMax, growthMiB, mib, ' MiB'),
  ];
}

function tail(scenario: string): Value {
  return (run) => {
    const measured = measuredOf(run, scenario);
    return measured && tailOf(measured).median;
  };
}

function p50Of(scenario: string): Value {
  return (run) => {
    const measured = measuredOf(run, scenario);
    return measured && typical(measured, ({ p50Ms }) => p50Ms);
  };
}

function worstLag({ sustained }: Run): number | undefined {
  return sustained && Math.max(...sustained.lags.map(({ p99Ms }) => p99Ms));
}

function lagGrowth({ sustained }: Run): number | undefined {
  const [first, last] = [sustained?.lags[0], sustained?.lags.at(-1)];
  return first && last && last.p50Ms / first.p50Ms;
}

function exactness(run: Run): number | undefined {
  const isExact = measuredOf(run, 'increment-hot')?.isExact;
  return isExact === undefined ? undefined : Number(isExact);
}

export function verdictsOf(run: Run): Verdict[] {
  return expectations.map(({ what, wanted, value, isMet, text }) => {
    const found = value(run);
    if (found === undefined || !Number.isFinite(found)) return { what, wanted };
    return { what, wanted, found: { text: text(found, run), isMet: isMet(found) } };
  });
}
