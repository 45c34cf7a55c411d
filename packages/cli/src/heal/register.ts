/**
 * `heal`: one round of anti-entropy of each shard, or of one, by a process of its own: it needs NATS and the
 * nodes, and no gateway, so a CronJob can run it. Exit codes: 0 all replicas were proven equal, 1 something
 * is left different, 2 not comparable, or it could not be done.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { readRunFile } from '@driftless/runtime';
import type { Command } from 'commander';
import { shardNumber } from '../output/options.ts';
import { entryOf } from '../up/plan.ts';

interface HealOptions {
  shard?: number;
  dryRun?: boolean;
  json?: boolean;
  natsUrl?: string;
  dataDir: string;
}

export function registerHeal(program: Command): void {
  program
    .command('heal')
    .description('compare all replicas now, and heal what differs; the exit code tells what came of it')
    .option('--shard <number>', 'only this shard', shardNumber())
    .option('--dry-run', 'compare only; change nothing')
    .option('--json', 'print the report as JSON')
    .option('--nats-url <url>', 'NATS (env DRIFTLESS_NATS_URL; default: that of the cluster in --data-dir)')
    .option('--data-dir <dir>', 'data directory of a cluster on this machine', '.driftless')
    .action(async (options: HealOptions) => {
      process.exitCode = await heal(options);
    });
}

async function heal({ shard, dryRun, json, natsUrl, dataDir }: HealOptions): Promise<number> {
  const args = [
    entryOf('anti-entropy'),
    '--once',
    ...(shard === undefined ? [] : ['--shard', String(shard)]),
    ...(dryRun ? ['--dry-run'] : []),
    ...(json ? ['--json'] : []),
  ];
  const url = natsUrl ?? (process.env.DRIFTLESS_NATS_URL || natsOfCluster(dataDir));
  const env = { ...process.env, ...(url !== undefined && { DRIFTLESS_NATS_URL: url }) };
  const child = spawn(process.execPath, args, { env, stdio: 'inherit' });
  // A signal to all of this terminal's processes reaches the child as well, and it ends in order.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill(signal));
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + constants.signals[signal ?? 'SIGKILL'];
}

/** The nats-server that `driftless up` has started there; undefined when there is none. */
function natsOfCluster(dataDir: string): string | undefined {
  const port = readRunFile(join(resolve(dataDir), 'run'), 'nats-server')?.port;
  return port === undefined ? undefined : `nats://127.0.0.1:${port}`;
}
