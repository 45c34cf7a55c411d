/**
 * `npm run simulate`: runs many seeds, or one scenario file. What fails is made shorter and kept as a file.
 *
 *     npm run simulate -- --seeds 1000 [--from N] [--profile nodes] [--steps 400]
 *     npm run simulate -- --profile nodes --faults kill,pause [--mutant forget-orphans]
 *     npm run simulate -- --scenario FILE [--trace] [--history FILE]
 *     npm run simulate -- --seeds 1000 --report FILE      a summary as JSON
 *
 * Ends with 1 when a checker found a violation.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { encodeEvent } from '@driftless/checkers';
import { commandOptions, wholeOption } from '@driftless/runtime';
import { generate } from './generate.ts';
import { type Mutant, mutants } from './mutants.ts';
import { type FaultKind, type Plan, type Profile, profiles } from './plan.ts';
import { Pool } from './pool.ts';
import { Report } from './report.ts';
import { readScenario, writeScenario } from './scenario.ts';
import { shrink } from './shrink.ts';
import type { Done } from './worker.ts';

/** Seeds whose failure is made shorter; of more, only the first. */
const shrunkMax = 3;
const shrinkRunsMax = 400;
const violationsShownMax = 5;

const options = commandOptions(import.meta.filename, {
  seeds: { type: 'string', default: '100' },
  from: { type: 'string', default: '1' },
  steps: { type: 'string', default: '400' },
  profile: { type: 'string' },
  mutant: { type: 'string' },
  faults: { type: 'string' },
  threads: { type: 'string', default: String(availableParallelism()) },
  scenario: { type: 'string' },
  report: { type: 'string' },
  history: { type: 'string' },
  out: { type: 'string', default: '.driftless/simulation' },
  trace: { type: 'boolean', default: false },
  'no-shrink': { type: 'boolean', default: false },
});

const mutant = mutantOf(options.mutant);
const pool = new Pool(options.scenario === undefined ? whole('threads') : 1);
const failed = options.scenario === undefined ? await runSeeds() : await runScenario(options.scenario);
await pool.close();
process.exitCode = failed ? 1 : 0;

async function runScenario(file: string): Promise<boolean> {
  const plan = readScenario(file);
  const done = await pool.run({ plan, mutant, trace: options.trace, history: options.history !== undefined });
  for (const line of done.trace ?? []) say(line);
  if (options.history !== undefined) {
    writeFileSync(options.history, (done.history ?? []).map(encodeEvent).join(''));
  }
  say(`${plan.faults.length} faults, ${done.answered} of ${done.operations} operations answered`);
  tell(done);
  return done.violations.length > 0;
}

async function runSeeds(): Promise<boolean> {
  const [from, count, operations] = [whole('from'), whole('seeds'), whole('steps')];
  const profile = profileOf(options.profile);
  const kinds = options.faults?.split(',') as FaultKind[] | undefined;
  const report = new Report();
  const startedAt = performance.now();
  const failing: Plan[] = [];
  const seeds = Array.from({ length: count }, (_, i) => from + i);
  const runNext = async (): Promise<void> => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      const plan = generate(seed, { operations, profile, kinds });
      const done = await pool.run({ plan, mutant });
      report.add(plan, done);
      if (done.violations.length > 0) {
        failing.push(plan);
        say(`\nseed ${seed} (${plan.profile}): ${done.violations.length} violations`);
        tell(done);
      }
      if (report.seeds % 10 === 0) progress(report, count, startedAt);
    }
  };
  await Promise.all(Array.from({ length: whole('threads') }, runNext));
  progress(report, count, startedAt);
  say('');
  if (!options['no-shrink']) for (const plan of failing.slice(0, shrunkMax)) await keepShort(plan);
  const summary = report.json();
  say(JSON.stringify(summary, undefined, 2));
  if (options.report !== undefined)
    writeFileSync(options.report, `${JSON.stringify(summary, undefined, 2)}\n`);
  return failing.length > 0;
}

/** The shortest plan that fails by the same checker, as a file. */
async function keepShort(plan: Plan): Promise<void> {
  const checker = (await pool.run({ plan, mutant })).violations[0]?.checker;
  const fails = async (candidate: Plan): Promise<boolean> => {
    const { violations } = await pool.run({ plan: candidate, mutant });
    return violations.some((violation) => violation.checker === checker);
  };
  const short = await shrink(plan, { fails, runsMax: shrinkRunsMax });
  mkdirSync(options.out, { recursive: true });
  const file = join(options.out, `seed-${plan.seed}.json`);
  const note = (await pool.run({ plan: short, mutant })).violations[0];
  writeScenario(file, { ...short, note: `${note?.checker}: ${note?.message}` });
  const size = `${short.faults.length} faults, ${short.operations.length} operations`;
  say(`seed ${plan.seed}: ${checker} with ${size}; npm run simulate -- --scenario ${file}`);
}

function progress({ seeds, operations, violations }: Report, count: number, startedAt: number): void {
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const line = `${seeds}/${count} seeds, ${operations} operations, ${violations.length} failed, ${seconds} s`;
  process.stdout.write(process.stdout.isTTY ? `\r${line}` : `${line}\n`);
}

function tell({ violations, doubts }: Done): void {
  for (const { checker, message } of violations.slice(0, violationsShownMax)) say(`  ${checker}: ${message}`);
  for (const doubt of doubts.slice(0, 1)) say(`  not decided: ${doubt}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function whole(name: 'from' | 'seeds' | 'steps' | 'threads'): number {
  return wholeOption(import.meta.filename, name, options[name], name === 'threads' ? 1 : 0);
}

function profileOf(text: string | undefined): Profile | undefined {
  const found = profiles.find((profile) => profile === text);
  if (text !== undefined && !found) throw new Error(`A profile is one of ${profiles.join(', ')}.`);
  return found;
}

function mutantOf(text: string | undefined): Mutant | undefined {
  if (text === undefined || Object.hasOwn(mutants, text)) return text as Mutant | undefined;
  throw new Error(`A mutant is one of ${Object.keys(mutants).join(', ')}.`);
}
