/**
 * `npm run bench:scrape`: what it costs that `/metrics` of every process is read every five seconds. Writes
 * docs/scrape-cost.md; figures are of one run on one machine, what counts are ratios.
 *
 *     npm run bench:scrape                                            4 min
 *     ROUNDS=2 npm run bench:scrape -- --out .driftless/scrape        a quick look, elsewhere
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandOptions } from '@driftless/runtime';
import { machineLine } from '../measure/machine-line.ts';
import { ClusterTarget } from '../targets/cluster.ts';
import { costsOfOne, costsUnderLoad } from './measure.ts';
import { pageOf } from './page.ts';

const options = commandOptions(import.meta.filename, {
  out: { type: 'string', default: join(import.meta.dirname, '../../docs') },
});
const plan = { rounds: Number(process.env.ROUNDS ?? 6), measureMs: 10_000, warmUpMs: 10_000, everyMs: 5000 };
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const machine = machineLine();
const target = await ClusterTarget.start({ shards: 1 });
try {
  const loads = await costsUnderLoad(target, plan, say);
  const scrapes = await costsOfOne(target);
  mkdirSync(options.out, { recursive: true });
  const page = join(options.out, 'scrape-cost.md');
  writeFileSync(page, pageOf({ machine, everyMs: plan.everyMs, loads, scrapes }));
  say(`${page} was written`);
} finally {
  await target.stop();
}
