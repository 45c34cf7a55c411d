/**
 * Writes docs/configuration.md from the schemas that the processes themselves read, so that the page cannot
 * say anything else than the code does. `npm run docs`; with `--check` it writes nothing, and ends with 1
 * when the page is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { antiEntropyConfigSchema } from '@driftless/anti-entropy/job';
import { gatewayConfigSchema } from '@driftless/gateway';
import { type ConfigRow, describeConfig, TRACING_PREFIX, tracingConfigSchema } from '@driftless/runtime';
import { nodeConfigSchema } from '@driftless/store-node';
import { markdownTable } from 'markdown-table';

const page = join(import.meta.dirname, '../docs/configuration.md');

const introduction = `# Configuration

<!-- Made by \`npm run docs\` from the schemas in \`config.ts\` of each process: change it there. -->

Every process reads its configuration from the environment, once, at its start. A value that is not allowed
stops it with exit code 2 and a message that names the variable, the value and what is allowed. An empty
variable counts as unset. Lists are separated by commas; booleans are \`true\` or \`false\`. Each variable
of the processes may be given by a file instead, as engines hand over secrets:
\`DRIFTLESS_NATS_URL_FILE=/run/secrets/nats-url\`.

## On one machine: \`driftless up\`

\`npm start\` is \`driftless up\`; its options follow \`--\`, as in \`npm start -- --nodes 5 --shards 8\`,
and \`npm run driftless -- up --help\` lists them. By these options \`up\` sets some variables of its
processes itself:
\`DRIFTLESS_NODE_ID\`, \`_INSTANCE\`, \`_MEMBERS\`, \`_SHARDS\`, \`_HOST\`, \`_PORT\`, \`_DATA_DIR\`,
\`_RUN_DIR\`, \`_LOG_LEVEL\`.
All others in the tables below are handed on as they are: \`DRIFTLESS_LEASE_TTL_MS=2000 npm start\`.

${markdownTable([
  ['Variable', 'Who reads it', 'What for'],
  ['`DRIFTLESS_NATS_URL`', '`up`', 'A NATS cluster that runs already; then no nats-server is started'],
  ['`NATS_SERVER_BIN`', '`up`, the tests', 'The nats-server to start, before one on PATH or in the cache'],
  ['`DRIFTLESS_PROMETHEUS`', '`up --observe`', 'The Prometheus to start, before one on PATH'],
  ['`DRIFTLESS_ALERTMANAGER`', '`up --observe`', 'The Alertmanager to start, before one on PATH'],
  [
    '`DRIFTLESS_ALERTMANAGER_CONFIG`',
    '`up --observe`',
    'Its configuration, `alerts/alertmanager.yaml` say; default: one that sends alerts to nobody',
  ],
  ['`XDG_CACHE_HOME`', '`up`, the tests', 'Where an installed nats-server is kept; default `~/.cache`'],
  ['`DRIFTLESS_URL`', 'all other commands, the demo', 'The gateway; default `http://127.0.0.1:8080`'],
  ['`TRACEPARENT`', 'all other commands', 'The trace that they are a part of ([tracing](tracing.md))'],
  ['`DRIFTLESS_DEBUG`', 'all commands', 'Set: a failure shows its stack'],
  ['`NO_COLOR`', 'all commands', 'Set: no colours'],
])}
`;

const tracingNotes = `
These are variables of OpenTelemetry. Its exporter reads more by itself, each also for traces alone
(\`OTEL_EXPORTER_OTLP_TRACES_…\`): \`OTEL_EXPORTER_OTLP_HEADERS\`, \`OTEL_EXPORTER_OTLP_COMPRESSION\`,
\`OTEL_EXPORTER_OTLP_CERTIFICATE\`. What there is to see is in [tracing](tracing.md).
`;

function section(title: string, rows: readonly ConfigRow[]): string {
  const head = ['Variable', 'Default', 'What', 'Allowed'];
  return `\n## ${title}\n\n${markdownTable([head, ...rows.map(cells)])}\n`;
}

function cells({ env, default: value, unit, description, allowed }: ConfigRow): string[] {
  const withUnit = unit === undefined ? value : `${value} ${unit}`;
  const shown = value === undefined ? '**has to be set**' : value === '(unset)' ? '' : withUnit;
  const range = allowed.replace(/(?<=matches )\S+/, '`$&`');
  return [`\`${env}\``, shown ?? '', description.replaceAll('<', '&lt;'), range];
}

const text = [
  introduction,
  section('Store node', describeConfig(nodeConfigSchema)),
  section('Gateway', describeConfig(gatewayConfigSchema)),
  section('Anti-entropy', describeConfig(antiEntropyConfigSchema)),
  section('Traces: every process', describeConfig(tracingConfigSchema, TRACING_PREFIX)),
  tracingNotes,
].join('');
if (!process.argv.includes('--check')) writeFileSync(page, text);
else if (readFileSync(page, 'utf8') !== text) {
  process.stderr.write('docs/configuration.md is not what the schemas say; run "npm run docs"\n');
  process.exitCode = 1;
}
