/**
 * `log`: the operations of a shard as a node's log holds them, in the very bytes that went through JetStream.
 * Each batch is checked against its seal while it is decoded; a damaged one is an error and no gap in the
 * output.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { catchUpBytesMax, decodeBatch, lastSeqOf } from '@driftless/contracts';
import { type Command, InvalidArgumentError } from 'commander';
import { type ClusterContext, clusterCommand, inCluster } from '../cluster/context.ts';
import { replicaUrls } from '../cluster/replicas.ts';
import { readLog } from '../nodes/node-http.ts';
import { CommandError } from '../output/failure.ts';
import { shardNumber, wholeNumber } from '../output/options.ts';
import { renderBatch } from './render.ts';

/** Pause between two looks for what is new, in milliseconds. */
const followMs = 500;
const limitDefault = 50;
/** Log that one request asks for, in bytes. */
const pageBytes = catchUpBytesMax / 4;

interface LogOptions {
  shard: number;
  after: number;
  limit?: number;
  node?: string;
  follow?: boolean;
}

export function registerLog(program: Command): void {
  clusterCommand(
    program,
    'log',
    "print a shard's replicated log: positions, roots and operations of each batch",
  )
    .requiredOption('--shard <number>', 'which shard', shardNumber())
    .option('--after <seq>', 'only batches that end after this operation', seqNumber, 0)
    .option(
      '--limit <count>',
      `so many batches at most; ${limitDefault} by default, all with --follow`,
      count,
    )
    .option('--node <id>', "which node's log; the leader's by default")
    .option('--follow', 'go on as new batches come')
    .action((options: LogOptions, command: Command) =>
      inCluster(command, (context) => printLog(context, options)),
    );
}

const count = wholeNumber(1, 2 ** 31);

function seqNumber(text: string): number {
  // A position is taken too: it is what the other commands print.
  const seq = /^(?:\d+-)?(\d{1,15})$/.exec(text)?.[1];
  if (seq === undefined) throw new InvalidArgumentError('It is the number of an operation, or a position.');
  return Number(seq);
}

async function printLog({ client, terminal, paint }: ClusterContext, options: LogOptions): Promise<void> {
  const { shard, node, follow = false } = options;
  let left = options.limit ?? (follow ? Number.POSITIVE_INFINITY : limitDefault);
  let after = options.after;
  const url = await nodeUrl(client, shard, node);
  while (left > 0) {
    const { events, firstSeq } = await readLog(url, shard, after, pageBytes);
    if (firstSeq !== undefined && after + 1 < firstSeq && after > 0) {
      terminal.err.write(`the log begins at operation ${firstSeq}; what was before is not kept any more\n`);
    }
    for (const event of events.slice(0, left)) {
      const batch = decodeBatch(event);
      terminal.out.write(`${renderBatch(batch, paint).join('\n')}\n`);
      after = lastSeqOf(batch);
    }
    left -= Math.min(events.length, left);
    if (events.length > 0) continue;
    if (!follow) return;
    await sleep(followMs);
  }
}

async function nodeUrl(client: ClusterContext['client'], shard: number, node?: string): Promise<string> {
  const view = await client.cluster();
  const wanted = node ?? view.shards.find((found) => found.shard === shard)?.leader;
  const replicas = replicaUrls(view, shard);
  if (wanted === undefined) {
    throw new CommandError(`shard ${shard} has no leader at the moment`, {
      hint: 'name a replica with --node',
    });
  }
  const url = replicas.find((replica) => replica.node === wanted)?.url;
  if (url === undefined) {
    const names = replicas.map((replica) => replica.node).join(', ');
    throw new CommandError(`${wanted} is not known to hold shard ${shard}`, {
      hint: `its replicas: ${names}`,
    });
  }
  return url;
}
