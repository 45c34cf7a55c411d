/** `inject`: damages a replica on purpose, to see it found and healed. Off unless its node allows it. */
import { type InjectAnswer, injectKinds } from '@driftless/contracts';
import { type Command, Option } from 'commander';
import { clusterCommand, inCluster } from '../cluster/context.ts';
import { shardNumber, wholeNumber } from '../output/options.ts';
import { printable } from '../output/terminal.ts';

interface InjectOptions {
  shard: number;
  node: string;
  kind: InjectAnswer['kind'];
  key?: string;
  count: number;
  json?: boolean;
}

export function registerInject(program: Command): void {
  clusterCommand(program, 'inject', "damage a node's replica on purpose; for tests")
    .requiredOption('--shard <number>', 'the shard', shardNumber())
    .requiredOption('--node <id>', 'the node that is damaged')
    .addOption(
      new Option('--kind <kind>', 'what is done to it').choices(injectKinds).makeOptionMandatory(true),
    )
    .option('--key <key>', 'to which key, where it matters; any by default')
    .option('--count <number>', 'how many rows, batches or leaves', wholeNumber(1, 1_000_000), 1)
    .option('--json', 'print JSON')
    .action(({ shard, json, ...body }: InjectOptions, command: Command) =>
      inCluster(command, async ({ client, terminal }) => {
        const { node, kind, key, count } = body;
        const answer = await client.inject(shard, { node, kind, count, ...(key !== undefined && { key }) });
        const keys = answer.keys.map((one) => printable(JSON.stringify(one))).join(', ');
        const text = `${answer.kind} on ${answer.node}, shard ${answer.shard}${keys && `: ${keys}`}`;
        terminal.out.write(`${json ? JSON.stringify(answer) : text}\n`);
      }),
    );
}
