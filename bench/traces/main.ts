/**
 * `npm run bench:traces`: what traces cost. Writes docs/trace-cost.md and docs/trace-cost.json; figures are
 * of one run on one machine, what counts are ratios.
 *
 *     npm run bench:traces                    7 min
 *     npm run bench:traces -- --every         13 min: besides, every request traced
 *     ROUNDS=2 MEASURE_MS=2000 npm run bench:traces -- --out .driftless/traces    a quick look, elsewhere
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandOptions } from '@driftless/runtime';
import { machineLine } from '../measure/machine-line.ts';
import { traceCosts } from './measure.ts';
import { pageOf } from './page.ts';

const options = commandOptions(import.meta.filename, {
  out: { type: 'string', default: join(import.meta.dirname, '../../docs') },
  every: { type: 'boolean', default: false },
});
const plan = {
  rounds: Number(process.env.ROUNDS ?? 8),
  measureMs: Number(process.env.MEASURE_MS ?? 10_000),
  warmUpMs: Number(process.env.WARM_UP_MS ?? 10_000),
  ratios: options.every ? [0.01, 1] : [0.01],
};
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const machine = machineLine();
const costs = await traceCosts(plan, say);
mkdirSync(options.out, { recursive: true });
const run = { machine, measureMs: plan.measureMs, costs };
writeFileSync(join(options.out, 'trace-cost.json'), `${JSON.stringify(run, undefined, 2)}\n`);
writeFileSync(join(options.out, 'trace-cost.md'), pageOf(run));
say(`${join(options.out, 'trace-cost.md')} was written`);
