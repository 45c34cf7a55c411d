/**
 * `npm run bench:counter`: the counter under wrk, with one gateway and with four, beside the one in Flask and
 * Redis, and while leader and gateway are killed. Writes docs/counter.md; figures are of one machine.
 *
 *     npm run bench:counter                                               7 min
 *     npm run bench:counter -- --seconds 6 --warm-up 2 --out .driftless   a quick look, elsewhere
 *     npm run bench:counter -- --url http://127.0.0.1:8080                one that runs: Compose, Swarm, k3s
 *
 * `--url` may be given several times, for several gateways; threads of wrk take them by turns.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandOptions, wholeOption } from '@driftless/runtime';
import { machineOf } from '../measure/machine.ts';
import { absent } from '../peers/servers.ts';
import { type Load, measure, measureFailover } from './measure.ts';
import { answeredOf, pageOf } from './page.ts';
import { type CounterRun, verdictOf, verdictOfFailover } from './run.ts';
import { external, type Kind, kinds } from './subjects.ts';

const options = commandOptions(import.meta.filename, {
  seconds: { type: 'string', default: '60' },
  'warm-up': { type: 'string', default: '10' },
  url: { type: 'string', multiple: true, default: [] },
  only: { type: 'string', multiple: true, default: [] },
  out: { type: 'string' },
});
const load: Load = {
  seconds: wholeOption(import.meta.filename, 'seconds', options.seconds, 1),
  warmUpSeconds: wholeOption(import.meta.filename, 'warm-up', options['warm-up']),
  threads: 4,
  connections: 64,
};
const isExternal = options.url.length > 0;
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const run: CounterRun = {
  startedAt: new Date().toISOString(),
  machine: machineOf(),
  ...load,
  measured: [],
  skipped: [],
};

async function take(kind: Kind): Promise<void> {
  const name = `${kind.name}, ${kind.replicas}`;
  const reason = kind.obstacle();
  if (reason !== undefined) {
    run.skipped.push({ name, reason });
    say(`${name}: ${reason}`);
    return;
  }
  const subject = await kind.start();
  try {
    const measured = await measure(subject, load);
    run.measured.push(measured);
    const { report, grew } = measured;
    say(
      `${name}: ${Math.round(report.perSecond)}/s, p95 ${report.p95Ms.toFixed(1)} ms, ${report.ok} → ${grew}`,
    );
    if (subject.cluster === undefined || subject.replicas === 1) return;
    run.failover = await measureFailover(subject, subject.cluster, load);
    const { report: hurt, grew: by } = run.failover;
    say(`while parts are killed: ${hurt.ok} answered, the counter grew by ${by}`);
  } finally {
    await subject.stop();
  }
}

if (absent('wrk', '--version')?.includes('not installed')) throw new Error('wrk is not installed');
const chosen = isExternal ? [external(options.url)] : kinds;
const wanted = (kind: Kind): boolean =>
  options.only.length === 0 ||
  options.only.includes(`${kind.name.toLowerCase().split(' ')[0]}-${kind.replicas}`);
for (const kind of chosen) if (wanted(kind)) await take(kind);

const out = options.out ?? (isExternal ? undefined : join(import.meta.dirname, '../../docs'));
if (out === undefined) process.stdout.write(`${answeredOf(run)}\n`);
else {
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'counter.md'), pageOf(run));
  say(`${join(out, 'counter.md')} was written`);
}
const verdicts = [...run.measured.map(verdictOf), ...(run.failover ? [verdictOfFailover(run.failover)] : [])];
const lost = verdicts.filter(({ isKept }) => !isKept).length;
if (lost > 0) {
  say(`${lost} of the counters are not what was answered`);
  process.exitCode = 1;
}
