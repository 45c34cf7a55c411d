/**
 * `npm run bench:heal`: what comparing and healing cost by difference and by size, and what digests cost a
 * write. Writes docs/heal-cost.md and its plots, and docs/reliability/healing.json; figures are of one run on
 * one machine, what counts is how they grow, and ratios.
 *
 *     npm run bench:heal                  10,000, 100,000 and 1,000,000 keys
 *     KEYS=10000 ROUNDS=1 npm run bench:heal -- --out .driftless/heal-cost      a quick look, elsewhere
 *     KEYS=1000000 DIFFERING=1000 ROUNDS=0 npm run bench:heal -- --out …        one row, and no writes
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandOptions } from '@driftless/runtime';
import { machineLine } from '../measure/machine-line.ts';
import { healCosts } from './exchanges.ts';
import { healingOf, pageOf, plotNames, plotsOf } from './page.ts';
import { writeCosts } from './write-path.ts';

const options = commandOptions(import.meta.filename, {
  out: { type: 'string', default: join(import.meta.dirname, '../../docs') },
});
const keys = (process.env.KEYS ?? '10000,100000,1000000').split(',').map(Number);
const differing = (process.env.DIFFERING ?? '1,10,1000').split(',').map(Number);
const repeats = Number(process.env.REPEATS ?? 5);
const repeatsOfLargest = Number(process.env.REPEATS_OF_LARGEST ?? 20);
const rounds = Number(process.env.ROUNDS ?? 6);
const valueBytes = 100;

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const machine = machineLine();
const heals = await healCosts({ keys, differing, repeats, repeatsOfLargest, valueBytes, say });
const load = { measureMs: 5000, warmUpMs: 20_000, batchKeys: 50_000 };
const writes = rounds > 0 ? await writeCosts({ rounds, ...load, valueBytes, say }) : [];

const healingDirectory = join(options.out, 'reliability');
mkdirSync(healingDirectory, { recursive: true });
const plots = plotsOf(heals);
writeFileSync(join(options.out, plotNames.bytes), plots.bytes);
writeFileSync(join(options.out, plotNames.time), plots.time);
writeFileSync(join(healingDirectory, 'healing.json'), `${JSON.stringify(healingOf(heals), undefined, 2)}\n`);
writeFileSync(join(options.out, 'heal-cost.md'), pageOf({ machine, valueBytes, heals, writes }));
say(`${join(options.out, 'heal-cost.md')} was written; now: npm run reliability -- --sum`);
