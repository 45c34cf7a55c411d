/**
 * `npm run reliability`: all that docs/reliability.md rests on. It runs the simulation and what is missing of
 * the runs of each real fault, sums them up in docs/reliability/, and writes the page.
 *
 *     npm run reliability                 1000 seeds, 20 runs of each fault: some hours
 *     npm run reliability -- --sum        no runs; adds the results there are to the sums
 *     npm run reliability -- --check      writes nothing; exit code 1 when the page is not of the results
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandOptions } from '@driftless/runtime';
import { type Healing, type RealRow, type ReliabilityRow, reliabilityPage } from './reliability/page.ts';

const root = join(import.meta.dirname, '..');
const results = join(root, 'docs/reliability');
const page = join(root, 'docs/reliability.md');
const simulation = 'test/simulation/main.ts';
const realFaults = 'test/faults/runner/main.ts';

const options = commandOptions(import.meta.filename, {
  runs: { type: 'string', default: '20' },
  seeds: { type: 'string', default: '1000' },
  /** Where `npm run test:faults` keeps its results. */
  dir: { type: 'string', default: '.driftless/faults' },
  sum: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
});

function run(...args: string[]): void {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}

function runAll(): void {
  if (existsSync(join(root, simulation))) {
    run(simulation, '--seeds', options.seeds, '--report', join(results, 'simulation.json'));
  }
  const sums = join(results, 'faults.json');
  run(realFaults, '--fill', options.runs, '--dir', options.dir, '--base', sums);
}

function readResults<T>(name: string, empty: T): T {
  const file = join(results, name);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : empty;
}

function pageOfResults(): string {
  const { rows, skipped } = readResults('faults.json', { rows: [] as RealRow[], skipped: [] as string[] });
  const { rows: simulated } = readResults('simulation.json', { rows: [] as ReliabilityRow[] });
  const healing = readResults<Healing | undefined>('healing.json', undefined);
  return reliabilityPage(rows, simulated, skipped, healing);
}

if (options.check) {
  if (readFileSync(page, 'utf8') !== pageOfResults()) {
    process.stderr.write(
      'docs/reliability.md is not what its results say; run "npm run reliability -- --sum"\n',
    );
    process.exitCode = 1;
  }
} else {
  mkdirSync(results, { recursive: true });
  if (!options.sum) runAll();
  run(realFaults, '--fill', '0', '--dir', options.dir, '--report', join(results, 'faults.json'));
  writeFileSync(page, pageOfResults());
}
