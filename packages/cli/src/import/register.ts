/**
 * `import`: brings many records in, from a file or standard input. Exit codes: 0 all of it, 1 failed on the
 * way, 3 done but some rows were rejected (they stand, with line and reason, in the file of rejected rows).
 */
import { createReadStream, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ackLevelSchema, batchOperationsMax, ttlSecondsMax } from '@driftless/contracts';
import { type Command, Option } from 'commander';
import { type ClusterContext, clusterCommand, inCluster } from '../cluster/context.ts';
import { usageError } from '../output/failure.ts';
import { secondsOption, wholeNumber } from '../output/options.ts';
import { formatDuration, grouped } from '../output/terminal.ts';
import { type ImportPorts, importRows } from './engine.ts';
import { mapperOf } from './mapping.ts';
import { ProgressLine } from './progress.ts';
import { RangeSet } from './range-set.ts';
import { RejectedFile } from './rejected.ts';
import { identityOf, type Progress, ResumeFile } from './resume.ts';
import { type Format, rowsOf } from './rows.ts';

const exitRejected = 3;
const batchDefault = 500;
const concurrencyDefault = 4;
const concurrencyMax = 64;
const patienceLimits = { min: 0, max: 86_400, defaultMs: 60_000 };

export interface ImportCommandOptions {
  format?: Format;
  key?: string;
  keyTemplate?: string;
  prefix?: string;
  ttl?: number;
  ack?: (typeof ackLevelSchema.options)[number];
  batch: number;
  concurrency: number;
  resume?: string;
  rejected?: string;
  patience: number;
}

export function registerImport(program: Command): void {
  clusterCommand(program, 'import', 'import records from NDJSON or CSV')
    .argument('<file>', '"-" reads standard input')
    .addOption(
      new Option('--format <format>', 'by the name of the file; else ndjson').choices(['ndjson', 'csv']),
    )
    .option('--key <field>', 'the key is this field; the value is the whole record')
    .option('--key-template <template>', "the key is made of fields, like 'city/{country}/{#}' ({#}: number)")
    .option('--prefix <prefix>', 'put before every key')
    .option('--ttl <seconds>', 'time to live of records that do not say', wholeNumber(1, ttlSecondsMax))
    .addOption(new Option('--ack <level>', 'how safe a write must be').choices(ackLevelSchema.options))
    .option('--batch <count>', 'records of one request', wholeNumber(1, batchOperationsMax), batchDefault)
    .option('--concurrency <count>', 'requests at a time', wholeNumber(1, concurrencyMax), concurrencyDefault)
    .option('--resume <file>', 'remember what was acknowledged, and go on from there')
    .option('--rejected <file>', 'where rows that cannot be imported go; default <file>.rejected')
    .addOption(
      secondsOption(
        '--patience <seconds>',
        'how long a batch may be tried while the cluster is busy or away',
        patienceLimits,
      ),
    )
    .action((file: string, options: ImportCommandOptions, command: Command) =>
      inCluster(command, (context) => importFile(context, file, options)),
    );
}

/** Imports a file; resolves with the exit code. Exported for the demo, which imports by the same path. */
export async function importFile(
  { client, terminal }: Pick<ClusterContext, 'client' | 'terminal'>,
  file: string,
  options: ImportCommandOptions,
): Promise<number> {
  if (options.key !== undefined && options.keyTemplate !== undefined) {
    throw usageError('--key and --key-template exclude each other');
  }
  const source = sourceOf(file, options.format);
  const { resume, progress } = await progressOf(source, options);
  const rejected = new RejectedFile(options.rejected ?? `${source.name}.rejected`);
  const shown = new ProgressLine(terminal, () => performance.now());
  const view = (endByte: number) => ({
    acknowledged: progress.acknowledged,
    rejected: progress.rejected,
    ...(source.bytes && { fraction: Math.min(1, endByte / source.bytes) }),
  });
  let furthest = 0;
  const ports: ImportPorts = {
    // A put may be sent twice, so the cluster need not keep an answer for every record.
    send: async (operations) =>
      (await client.batch(operations, { ack: options.ack, idempotencyKey: false })).results,
    wait: (ms) => sleep(ms),
    now: () => performance.now(),
    rejected: (rejection) => rejected.add(rejection, (text) => shown.note(text)),
    advanced: (_progress, endByte) => {
      resume?.save(progress);
      furthest = Math.max(furthest, endByte);
      shown.show(view(furthest));
    },
    waiting: (reason, ms) => shown.note(`waiting ${formatDuration(ms)}: ${reason}`),
  };
  const before = { acknowledged: progress.acknowledged, rejected: progress.rejected };
  const startedAt = performance.now();
  shown.begin(before);
  try {
    const mapper = mapperOf({ ...options, keyField: options.key, ttlSeconds: options.ttl });
    const { batch: batchOperations, concurrency, patience: patienceMs } = options;
    const limits = { batchOperations, concurrency, patienceMs };
    await importRows(rowsOf(source.open(), source.format), mapper, progress, limits, ports);
  } finally {
    shown.end();
    source.close();
    rejected.close();
  }
  const elapsedMs = performance.now() - startedAt;
  terminal.err.write(summary(before, progress, elapsedMs, rejected.path));
  return progress.rejected > 0 ? exitRejected : 0;
}

interface Source {
  /** The file's path; undefined for standard input. */
  path: string | undefined;
  /** What the file of rejected rows is named after. */
  name: string;
  format: Format;
  /** Size, when it is known. */
  bytes: number | undefined;
  open(): Readable;
  close(): void;
}

function sourceOf(file: string, format: Format | undefined): Source {
  if (file === '-') {
    const open = (): Readable => process.stdin;
    const close = (): void => void process.stdin.destroy();
    return { path: undefined, name: 'stdin', format: format ?? 'ndjson', bytes: undefined, open, close };
  }
  const { size } = statSync(file);
  const stream = createReadStream(file);
  return {
    path: file,
    name: file,
    format: format ?? (/\.csv$/i.test(file) ? 'csv' : 'ndjson'),
    bytes: size,
    open: () => stream,
    close: () => void stream.destroy(),
  };
}

async function progressOf(
  { path, format }: Source,
  { resume: file, key, keyTemplate, prefix }: ImportCommandOptions,
): Promise<{ resume: ResumeFile | undefined; progress: Progress }> {
  if (file === undefined) {
    return { resume: undefined, progress: { done: new RangeSet(), acknowledged: 0, rejected: 0 } };
  }
  const resume = new ResumeFile(file, await identityOf(path, { format, key, keyTemplate, prefix }));
  return { resume, progress: resume.load() };
}

function summary(
  before: { acknowledged: number },
  { acknowledged, rejected }: Progress,
  elapsedMs: number,
  rejectedPath: string,
): string {
  const records = acknowledged - before.acknowledged;
  const rate = grouped((records * 1000) / Math.max(1, elapsedMs));
  const earlier = before.acknowledged > 0 ? `, ${grouped(before.acknowledged)} before` : '';
  const bad = rejected > 0 ? `; ${grouped(rejected)} rejected, see ${rejectedPath}` : '';
  return `imported ${grouped(records)} records in ${formatDuration(elapsedMs)} (${rate}/s)${earlier}${bad}\n`;
}
