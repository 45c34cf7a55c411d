/**
 * Runs real faults, each once by default. Results are appended to a file as they come, so runs add up over
 * several calls, and a call may be interrupted. Exit code 1 when anything was violated.
 *
 *     npm run test:faults                      all faults
 *     npm run test:faults -- --only NAME       those with this name, or with it in their name
 *     npm run test:faults -- --runs N          N times each
 *     npm run test:faults -- --fill N          as often as it takes to have N runs of each
 *     npm run test:faults -- --list            their names
 *     npm run test:faults -- --report FILE     adds the results there are to the sums in FILE, as JSON
 *     npm run test:faults -- --base FILE       sums of earlier runs, which `--fill` counts too
 *     npm run test:faults -- --dir DIR         where results are kept; default .driftless/faults
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandOptions, wholeOption } from '@driftless/runtime';
import { faults } from '../table/index.ts';
import { Campaign } from './campaign.ts';
import type { Fault } from './fault.ts';
import type { RunResult } from './run.ts';
import { type Summary, summaryOf } from './summary.ts';

const options = {
  runs: { type: 'string', default: '1' },
  fill: { type: 'string' },
  only: { type: 'string', default: '' },
  dir: { type: 'string', default: '.driftless/faults' },
  report: { type: 'string' },
  base: { type: 'string' },
  list: { type: 'boolean', default: false },
} as const;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function resultsIn(file: string): RunResult[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as RunResult);
}

function sumsIn(file: string | undefined): Summary {
  if (file === undefined || !existsSync(file)) return { rows: [], skipped: [] };
  return JSON.parse(readFileSync(file, 'utf8')) as Summary;
}

/** Results that are in the sums are put aside, so that they are counted once. */
function addTo(report: string, file: string): void {
  const summary = summaryOf(sumsIn(report), resultsIn(file));
  writeFileSync(report, `${JSON.stringify(summary, undefined, 2)}\n`);
  if (existsSync(file)) renameSync(file, `${file}.${Date.now()}.summed`);
}

function whole(name: string, text: string): number {
  return wholeOption(import.meta.filename, name, text);
}

async function main(): Promise<number> {
  const values = commandOptions(import.meta.filename, options);
  if (values.list) {
    for (const { name } of faults) say(name);
    return 0;
  }
  const runs = whole('runs', values.runs);
  const fill = values.fill === undefined ? undefined : whole('fill', values.fill);
  mkdirSync(values.dir, { recursive: true });
  const file = join(values.dir, 'runs.jsonl');
  const exact = faults.filter(({ name }) => name === values.only);
  const chosen = exact.length > 0 ? exact : faults.filter(({ name }) => name.includes(values.only));
  if (chosen.length === 0) throw new Error(`No fault is named so: ${values.only}`);
  const { rows: done } = summaryOf(sumsIn(values.base), resultsIn(file));
  const due = ({ name, runsEnough = Number.POSITIVE_INFINITY }: Fault): number => {
    if (fill === undefined) return runs;
    const wanted = Math.min(fill, runsEnough);
    return Math.max(0, wanted - (done.find(({ fault }) => fault === name)?.runs ?? 0));
  };
  const campaign = new Campaign({ failuresDir: join(values.dir, 'failures') });
  let violated = 0;
  try {
    for (const fault of chosen) {
      const obstacle = fault.obstacle?.();
      if (obstacle !== undefined) {
        say(`SKIPPED ${fault.name}: ${obstacle}`);
        continue;
      }
      for (let left = due(fault); left > 0; left -= 1) {
        const result = await campaign.run(fault, Math.floor(Math.random() * 2 ** 31));
        appendFileSync(file, `${JSON.stringify(result)}\n`);
        tell(result);
        if (result.violations.length > 0) violated += 1;
      }
    }
  } finally {
    await campaign.end();
  }
  if (values.report !== undefined) addTo(values.report, file);
  say(violated === 0 ? 'no violations' : `${violated} runs with violations`);
  return violated === 0 ? 0 : 1;
}

function tell({
  fault,
  seed,
  operations,
  violations,
  doubts,
  recoveryMs,
  convergenceMs,
  durationMs,
}: RunResult) {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  const verdict = violations.length > 0 ? 'VIOLATED' : doubts.length > 0 ? 'unknown' : 'ok';
  const figures = `writes again ${seconds(recoveryMs)}, equal ${seconds(convergenceMs)}`;
  say(`${verdict} ${fault} (seed ${seed}, ${seconds(durationMs)}): ${operations} operations, ${figures}`);
  for (const line of [...violations, ...doubts].slice(0, 20)) say(`    ${line}`);
}

process.exitCode = await main();
