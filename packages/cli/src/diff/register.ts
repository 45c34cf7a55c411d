/**
 * `diff`: which keys of a shard two replicas hold differently, found by their trees, not by reading all.
 * Exit codes: 0 equal, 1 different, 2 not comparable.
 */
import type { ComparisonOutcome } from '@driftless/contracts';
import type { Command } from 'commander';
import { clusterCommand, inCluster } from '../cluster/context.ts';
import { shardNumber } from '../output/options.ts';
import { renderDiff } from './render.ts';

const exitCodes: Record<ComparisonOutcome, number> = { equal: 0, different: 1, 'not-comparable': 2 };

interface DiffOptions {
  shard: number;
  a: string;
  b: string;
  json?: boolean;
}

export function registerDiff(program: Command): void {
  clusterCommand(program, 'diff', 'show the keys in which two replicas of a shard differ')
    .requiredOption('--shard <number>', 'the shard', shardNumber())
    .requiredOption('--a <node>', 'node whose replica is compared')
    .requiredOption('--b <node>', 'node with whose replica it is compared')
    .option('--json', 'print JSON')
    .action(({ shard, a, b, json }: DiffOptions, command: Command) =>
      inCluster(command, async ({ client, terminal, paint }) => {
        const answer = await client.diff(shard, a, b);
        const lines = json ? [JSON.stringify(answer)] : renderDiff(answer, paint);
        terminal.out.write(`${lines.join('\n')}\n`);
        return exitCodes[answer.outcome];
      }),
    );
}
