/**
 * Writes docs/metrics.md from the instruments that the processes themselves make, so that the page cannot say
 * anything else than the code does. `npm run docs`; with `--check` it writes nothing, and ends with 1 when
 * the page is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInstruments as createHealerInstruments, observeHealer } from '@driftless/anti-entropy/job';
import { createGatewayTelemetry } from '@driftless/gateway';
import {
  countExports,
  createLogger,
  createNatsMetrics,
  createTelemetry,
  type DescribedInstrument,
  HttpMetrics,
  type Telemetry,
} from '@driftless/runtime';
import { createInstruments as createNodeInstruments } from '@driftless/store-node';
import { markdownTable } from 'markdown-table';

const page = join(import.meta.dirname, '../docs/metrics.md');

const introduction = `# Metrics

<!-- Made by \`npm run docs\` from the instruments in \`telemetry.ts\` of each process: change it there. -->

Every process serves its metrics at \`/metrics\`, in the text format of Prometheus. A name carries its unit; a
counter ends with \`_total\`. Labels have few values: shards, nodes, routes (patterns, not paths) and
words of closed lists; never keys or users. What is not known is absent, not 0. A process that hangs answers
no scrape: it shows as \`up == 0\` and in what others say of it, \`leader_follower_lag_seconds\`,
\`peer_silent_seconds\` and \`canary_last_seen_timestamp_seconds\`.

Before a scrape nothing is done for a metric but counting: the paths of requests add plain numbers.
`;

const nothing = (): undefined => undefined;

function instrumentsOf(make: (telemetry: Telemetry) => void): readonly DescribedInstrument[] {
  const telemetry = createTelemetry({ service: 'page', instance: 'page' });
  make(telemetry);
  void telemetry.shutdown();
  return telemetry.instruments;
}

function ofEveryProcess(telemetry: Telemetry): void {
  new HttpMetrics(telemetry);
  createNatsMetrics(telemetry);
  countExports(telemetry, createLogger({ process: 'page', instance: 'page', level: 'silent' }));
}

const every = instrumentsOf(ofEveryProcess);
const node = instrumentsOf((telemetry) => {
  createNodeInstruments(telemetry, { replicas: () => [], volume: nothing, silences: () => [] });
});
const gateway = instrumentsOf((telemetry) => {
  createGatewayTelemetry(telemetry).observe({} as never);
});
const antiEntropy = instrumentsOf((telemetry) => {
  createHealerInstruments(telemetry);
  observeHealer(telemetry, nothing);
});

const everyName = new Set(every.map(({ name }) => name));

function section(title: string, instruments: readonly DescribedInstrument[]): string {
  const own = instruments.filter(({ name }) => instruments === every || !everyName.has(name));
  const rows = own.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(cells);
  const head = ['Metric', 'Type', 'Unit', 'Labels', 'What it says'];
  return `\n## ${title}\n\n${markdownTable([head, ...rows])}\n`;
}

function cells({ name, type, unit, labels = [], description, buckets }: DescribedInstrument): string[] {
  const bounds = buckets === undefined ? '' : `. Bounds: ${buckets.join(' ')}`;
  const shown = labels.map((label) => `\`${label}\``).join(' ');
  return [`\`${name}\``, type, unit, shown, `${description}${bounds}`.replaceAll('|', '\\|')];
}

const text = [
  introduction,
  section('Every process', every),
  section('Store node', node),
  section('Gateway', gateway),
  section('Anti-entropy', antiEntropy),
].join('');
if (!process.argv.includes('--check')) writeFileSync(page, text);
else if (readFileSync(page, 'utf8') !== text) {
  process.stderr.write('docs/metrics.md is not what the instruments say; run "npm run docs"\n');
  process.exitCode = 1;
}
