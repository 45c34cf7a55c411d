/** `driftless watch`. */
import type { Command } from 'commander';
import { clusterCommand, inCluster } from '../cluster/context.ts';
import { type WatchOptions, watch } from './watch.ts';

export function registerWatch(program: Command): void {
  clusterCommand(program, 'watch', 'print changes as they are committed')
    .option('--prefix <prefix>', 'only keys that begin with this')
    .option('--after <token>', 'go on from where an earlier watch ended')
    .option('--json', 'print one JSON object a line')
    .action((options: WatchOptions, command: Command) =>
      inCluster(command, (context) => {
        const ended = new AbortController();
        process.once('SIGINT', () => ended.abort()).once('SIGTERM', () => ended.abort());
        return watch(context, options, ended.signal);
      }),
    );
}
