/** `check`: one look at everything, for whoever has just installed, upgraded or repaired a cluster. */
import type { Command } from 'commander';
import { clusterCommand, inCluster } from '../cluster/context.ts';
import { exitFailed } from '../output/failure.ts';
import { wholeNumber } from '../output/options.ts';
import { checkCluster } from './check.ts';

const lagMsMaxMost = 3_600_000;
const timeoutSecondsMax = 3600;

interface CheckCommandOptions {
  lagMsMax: number;
  timeout: number;
}

export function registerCheck(program: Command): void {
  clusterCommand(program, 'check', 'put a key into each shard, read it from every replica, compare roots')
    .option('--lag-ms-max <ms>', 'how far behind a replica may be', wholeNumber(0, lagMsMaxMost), 1000)
    .option(
      '--timeout <seconds>',
      'how long that may take to become so',
      wholeNumber(1, timeoutSecondsMax),
      60,
    )
    .action(({ lagMsMax, timeout }: CheckCommandOptions, command: Command) =>
      inCluster(command, async ({ client, terminal, paint }) => {
        const checks = await checkCluster(client, { lagMsMax, timeoutMs: timeout * 1000 });
        for (const { shard, replicas, problems } of checks) {
          const mark = problems.length === 0 ? paint('green', '✓') : paint('red', '✗');
          const says = problems.length === 0 ? `${replicas} replicas, equal` : problems.join('; ');
          terminal.out.write(`${mark} shard ${shard}: ${says}\n`);
        }
        return checks.every(({ problems }) => problems.length === 0) ? 0 : exitFailed;
      }),
    );
}
