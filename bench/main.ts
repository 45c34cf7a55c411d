/**
 * `npm run bench`: ceilings, ourselves and peers in one run; writes docs/performance.md with its plots and
 * figures.
 *
 *     npm run bench                                      15 to 20 min
 *     npm run bench -- --quick --out .driftless/bench    3 min, elsewhere
 *     npm run bench -- --only put --only get             these scenarios
 *     npm run bench -- --full                            all sizes as large as they should be
 *     npm run bench -- --compare docs/performance/run.json     exit code 1 when a ratio became worse
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { commandOptions } from '@driftless/runtime';
import { measureAll } from './measure/all.ts';
import { compareRuns, comparisonText } from './report/compare.ts';
import type { Run } from './report/run.ts';
import { writeReport } from './report/write.ts';
import { allNames } from './scenarios.ts';

const options = commandOptions(import.meta.filename, {
  quick: { type: 'boolean', default: false },
  full: { type: 'boolean', default: false },
  only: { type: 'string', multiple: true, default: [] },
  out: { type: 'string', default: join(import.meta.dirname, '../docs') },
  compare: { type: 'string' },
});
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const unknown = options.only.filter((name) => !allNames.includes(name));
if (unknown.length > 0) {
  say(`There is no ${unknown.join(', ')}; there are ${allNames.join(', ')}.`);
  process.exit(2);
}
// Read first: the run may write over it.
const base = options.compare && (JSON.parse(readFileSync(resolve(options.compare), 'utf8')) as Run);
const mode = options.quick ? 'quick' : options.full ? 'full' : 'usual';
const { run, failed } = await measureAll(mode, options.only, say);
say(`${writeReport(run, options.out)} was written`);
if (failed.length > 0) process.exitCode = 1;
if (base) {
  const comparison = compareRuns(base, run);
  process.stdout.write(`${comparisonText(comparison)}\n`);
  if (comparison.changes.some(({ verdict }) => verdict === 'worse')) process.exitCode = 1;
}
