/**
 * `npm run bench:curves`: what an operation costs, against the size of values, shards, replicas, gateways,
 * keys and watchers, and how long a new replica takes by its keys; writes docs/cost-curves.md with its plots
 * and figures.
 *
 *     npm run bench:curves -- --quick --out .driftless/curves     shorter rounds, fewer points, elsewhere
 *     npm run bench:curves -- --only value --only keys            these axes
 *     npm run bench:curves -- --full                              longer rounds, up to 10,000,000 keys
 */
import { join } from 'node:path';
import { commandOptions } from '@driftless/runtime';
import { writeRun } from '../report/write.ts';
import { axisNames } from './axes.ts';
import { measureCurves } from './measure.ts';
import { pageOf } from './page.ts';
import { plotsOf } from './plots.ts';

const options = commandOptions(import.meta.filename, {
  quick: { type: 'boolean', default: false },
  full: { type: 'boolean', default: false },
  only: { type: 'string', multiple: true, default: [] },
  out: { type: 'string', default: join(import.meta.dirname, '../../docs') },
});
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const unknown = options.only.filter((name) => !axisNames.some((axis) => axis === name));
if (unknown.length > 0) {
  say(`There is no ${unknown.join(', ')}; there are ${axisNames.join(', ')}.`);
  process.exit(2);
}
const mode = options.quick ? 'quick' : options.full ? 'full' : 'usual';
const { run, failed } = await measureCurves(mode, options.only, say);
say(`${writeRun({ name: 'cost-curves', plotsOf, pageOf }, run, options.out)} was written`);
if (failed.length > 0) process.exitCode = 1;
