/**
 * `npm run scale`: what the store would do on many machines, computed by its own code: placement, the steps
 * of moving shards, the messages that processes tell each other. It writes the tables of docs/scale.md, and
 * prints them.
 *
 *     npm run scale                 writes the tables and prints them
 *     npm run scale -- --check      writes nothing; exit code 1 when the page is stale
 *
 * Nothing is drawn at random and no clock is read: the same code gives the same page.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandOptions } from '@driftless/runtime';
import { bottleneckTable } from './scale/bottlenecks.ts';
import { changesOf } from './scale/changes.ts';
import { limitsTable } from './scale/limits.ts';
import { withParts } from './scale/page.ts';
import { largest, shapes } from './scale/shape.ts';
import { inputsTable, outcomeTable } from './scale/sizing-example.ts';
import {
  balanceTable,
  keysTable,
  lossTable,
  movesTable,
  rebalanceInputs,
  rebalanceTable,
} from './scale/tables-placement.ts';
import {
  antiEntropyTable,
  fanInTable,
  jetStreamTable,
  newsTable,
  processTable,
} from './scale/tables-traffic.ts';
import { type Traffic, trafficOf } from './scale/traffic.ts';

const page = join(import.meta.dirname, '../docs/scale.md');
const options = commandOptions(import.meta.filename, { check: { type: 'boolean', default: false } });

const changes = changesOf(largest);
const traffic = shapes.map(trafficOf);
const most = traffic.at(-1) as Traffic;

const parts = {
  keys: keysTable(),
  balance: balanceTable(),
  loss: lossTable(),
  moves: movesTable(changes),
  'rebalance-inputs': rebalanceInputs(),
  rebalance: rebalanceTable(changes),
  news: newsTable(most),
  'fan-in': fanInTable(traffic),
  jetstream: jetStreamTable(traffic),
  processes: processTable(traffic),
  'anti-entropy': antiEntropyTable(traffic),
  inputs: inputsTable(),
  sizing: outcomeTable(),
  limits: limitsTable(),
  bottlenecks: bottleneckTable(most, changes),
};

const before = readFileSync(page, 'utf8');
const text = withParts(before, parts);
if (options.check) {
  if (text !== before) {
    process.stderr.write('docs/scale.md is not what the code comes to; run "npm run scale"\n');
    process.exitCode = 1;
  }
} else {
  writeFileSync(page, text);
  for (const [name, part] of Object.entries(parts)) process.stdout.write(`${name}\n\n${part}\n\n`);
}
