/** `leader move`: lets another member lead a shard, and says when it does. */
import type { Command } from 'commander';
import { clusterCommand, inCluster } from '../cluster/context.ts';
import { shardNumber } from '../output/options.ts';

interface MoveOptions {
  shard: number;
  to: string;
}

export function registerLeader(program: Command): void {
  const leader = program.command('leader').description('leaderships of shards');
  clusterCommand(leader, 'move', 'let another member lead a shard; no write fails meanwhile')
    .requiredOption('--shard <number>', 'the shard', shardNumber())
    .requiredOption('--to <node>', 'the member that shall lead')
    .action(({ shard, to }: MoveOptions, command: Command) =>
      inCluster(command, async ({ client, terminal }) => {
        const moved = await client.moveLeader(shard, to);
        terminal.out.write(`shard ${moved.shard} is led by ${moved.leader} since epoch ${moved.epoch}\n`);
      }),
    );
}
