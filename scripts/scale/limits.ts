/** Configured bounds that a large cluster meets, with their defaults as the processes' schemas say them. */
import { antiEntropyConfigSchema } from '@driftless/anti-entropy/job';
import { gatewayConfigSchema } from '@driftless/gateway';
import { describeConfig } from '@driftless/runtime';
import { nodeConfigSchema } from '@driftless/store-node';
import { markdownTable } from 'markdown-table';

type Keys = readonly [env: string, grows: string, meaning: string][];

const ofNode: Keys = [
  ['DRIFTLESS_SHARDS', '', 'Fixed when the cluster is made. 1,024 is the most'],
  ['DRIFTLESS_REPLICATION_FACTOR', '', 'Copies of each shard. Fixed too'],
  ['DRIFTLESS_MOVES_MAX', '', 'Shards that a node invites for, and copies that it takes, at one time'],
  [
    'DRIFTLESS_STATUS_EVERY_MS',
    'N²',
    'Each node tells all others its state; one step of a move takes a turn of it',
  ],
  ['DRIFTLESS_LEASE_RENEW_MS', 'S', 'Each shard writes its lease so often; `LEASE_TTL_MS` goes with it'],
  [
    'DRIFTLESS_STREAM_BYTES_MAX',
    'S',
    'JetStream must be able to store so much for each shard and copy of a stream',
  ],
  [
    'DRIFTLESS_STREAM_REPLICAS',
    'S',
    'Copies of each stream; past 1 each stream and consumer is a Raft group',
  ],
  [
    'DRIFTLESS_LOG_BYTES_MAX',
    'S ÷ N',
    'Disk for the log of each copy on a node; `LOG_BYTES_MIN` is always kept',
  ],
  ['DRIFTLESS_HEADS_CACHED_MAX', 'S ÷ N', 'Memory for each copy on a node'],
  ['DRIFTLESS_WAL_CHECKPOINT_PAGES', 'S ÷ N', 'Disk for each copy besides, times `PAGE_BYTES`'],
  ['DRIFTLESS_FOLLOWER_SYNC_MS', 'S ÷ N', 'Each follower that is written to syncs its disk so often'],
  ['DRIFTLESS_SCRUB_ROWS_PER_SECOND', 'S ÷ N', 'Rows that each copy on a node audits'],
  ['DRIFTLESS_HAND_BACK_AFTER_MS', '', 'After a change, leaderships go home this long after the last copy'],
];

const ofGateway: Keys = [
  ['DRIFTLESS_NODE_CONNECTIONS_MAX', 'N', 'Connections of a gateway to each node'],
  [
    'DRIFTLESS_LANE_IN_FLIGHT_MAX',
    'S',
    'Requests under way for each shard and ack level: batches of one shard only',
  ],
  ['DRIFTLESS_IN_FLIGHT_MAX', '', 'Requests that one gateway serves'],
  ['DRIFTLESS_WATCHERS_MAX', '', 'Watchers of one gateway'],
  ['DRIFTLESS_WATCH_BUFFER_BYTES_MAX', 'S', 'Memory of a gateway that has a watcher, for each shard'],
  ['DRIFTLESS_LIST_IN_FLIGHT_MAX', 'S', 'Listings of one gateway; each asks every shard'],
];

const ofAntiEntropy: Keys = [
  ['DRIFTLESS_ROUND_EVERY_MS', 'S', 'Each shard has a round so often, if the next bound lets it'],
  ['DRIFTLESS_ROUNDS_MAX', 'S', 'Shards that one process compares at one time'],
];

export function limitsTable(): string {
  const rows = [
    ...rowsOf('node', ofNode, nodeConfigSchema),
    ...rowsOf('gateway', ofGateway, gatewayConfigSchema),
    ...rowsOf('anti-entropy', ofAntiEntropy, antiEntropyConfigSchema),
  ];
  return markdownTable([['Variable', 'Of', 'Default', 'Its cost grows with', 'What it means here'], ...rows]);
}

function rowsOf(process: string, keys: Keys, schema: Parameters<typeof describeConfig>[0]): string[][] {
  const known = new Map(describeConfig(schema).map((row) => [row.env, row]));
  return keys.map(([env, grows, meaning]) => {
    const row = known.get(env);
    if (row === undefined) throw new Error(`${env} is not configured.`);
    const unit = row.unit === undefined ? '' : ` ${row.unit}`;
    return [`\`${env}\``, process, `${row.default}${unit}`, grows, meaning];
  });
}
