/**
 * `verify`: proves that all replicas hold the same, row by row, instead of believing roots. Exit codes:
 * 0 equal, 1 different, 2 not comparable.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { type ClusterContext, clusterCommand, inCluster } from '../cluster/context.ts';
import { replicaUrls } from '../cluster/replicas.ts';
import { openDump, scrub } from '../nodes/node-http.ts';
import { secondsOption } from '../output/options.ts';
import { overall, renderVerdicts } from './render.ts';
import { type Outcome, type ShardVerdict, verifyShard } from './verify.ts';

const patienceLimits = { min: 0, max: 86_400, defaultMs: 30_000 };
const exitCodes: Record<Outcome, number> = { equal: 0, different: 1, 'not comparable': 2 };

interface VerifyOptions {
  json?: boolean;
  patience: number;
}

export function registerVerify(program: Command): void {
  clusterCommand(program, 'verify', 'compare the full contents of all replicas, and recompute their roots')
    .option('--json', 'print the verdicts as JSON')
    .addOption(
      secondsOption(
        '--patience <seconds>',
        'how long to try, a shard, for dumps of equal positions while writes flow',
        patienceLimits,
      ),
    )
    .action((options: VerifyOptions, command: Command) =>
      inCluster(command, (context) => verify(context, options)),
    );
}

async function verify({ client, terminal, paint }: ClusterContext, options: VerifyOptions): Promise<number> {
  const verdicts = await verifyCluster(client, options.patience);
  if (options.json) {
    terminal.out.write(`${JSON.stringify({ outcome: overall(verdicts), shards: verdicts })}\n`);
  } else {
    terminal.out.write(`${renderVerdicts(verdicts, paint).join('\n')}\n`);
  }
  return exitCodes[overall(verdicts)];
}

/** The verdicts on all shards, one after the other. */
export async function verifyCluster(
  client: Pick<ClusterContext['client'], 'cluster'>,
  patienceMs: number,
): Promise<ShardVerdict[]> {
  const ports = { openDump, scrub, wait: (ms: number) => sleep(ms), now: () => performance.now() };
  const view = await client.cluster();
  const verdicts: ShardVerdict[] = [];
  for (const { shard } of view.shards) {
    verdicts.push(await verifyShard(shard, replicaUrls(view, shard), patienceMs, ports));
  }
  return verdicts;
}
