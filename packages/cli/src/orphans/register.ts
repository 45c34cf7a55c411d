/**
 * `orphans`: what deposed leaders had committed alone and the history does not have, because the key was
 * written since. A person looks, writes a value again where it is wanted, and discards the orphan.
 */
import type { OrphanView } from '@driftless/contracts';
import type { Command } from 'commander';
import { clusterCommand, inCluster } from '../cluster/context.ts';

interface OrphansOptions {
  discard?: string;
  json?: boolean;
}

export function registerOrphans(program: Command): void {
  clusterCommand(program, 'orphans', 'list operations of deposed leaders that wait for a person')
    .option('--discard <node/shard/version>', 'give this one up for good')
    .option('--json', 'print JSON')
    .action((options: OrphansOptions, command: Command) =>
      inCluster(command, async ({ client, terminal }) => {
        if (options.discard !== undefined) {
          const [node = '', shard = '', version = ''] = options.discard.split('/');
          await client.discardOrphan({ node, shard: Number(shard), version });
          return;
        }
        const orphans = await client.orphans();
        if (options.json) terminal.out.write(`${JSON.stringify(orphans)}\n`);
        else terminal.out.write(`${orphans.length === 0 ? 'no orphans' : orphans.map(lineOf).join('\n')}\n`);
      }),
    );
}

function lineOf({ node, shard, version, op, key, bytes, state }: OrphanView): string {
  const size = bytes === undefined ? '' : ` ${bytes} bytes`;
  return `${node}/${shard}/${version}  ${state}  ${op} ${JSON.stringify(key)}${size}`;
}
