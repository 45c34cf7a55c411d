/** Configuration of a store node. Every key is an environment variable `DRIFTLESS_…`. */
import {
  clusterNameSchema,
  collectedEntriesMax,
  nodeIdSchema,
  replicationFactorDefault,
} from '@driftless/contracts';
import { LOG_LEVELS, natsConfigShape } from '@driftless/runtime';
import { z } from 'zod';

const whole = (unit: string, min = 1) => z.number().int().min(min).meta({ unit });

export const nodeConfigSchema = z.object({
  cluster: clusterNameSchema.default('driftless').describe('Name of the cluster; part of every NATS name'),
  nodeId: nodeIdSchema.describe('Id of this node'),
  members: z
    .array(nodeIdSchema)
    .min(1)
    .describe('Ids of the store nodes that the cluster began with; others join by starting'),
  shards: z
    .number()
    .int()
    .min(1)
    .max(1024)
    .default(4)
    .describe('Shards of the cluster; fixed when it is made'),
  replicationFactor: z
    .number()
    .int()
    .min(1)
    .max(7)
    .default(replicationFactorDefault)
    .describe('Replicas of each shard'),
  host: z.string().default('127.0.0.1').describe('Address to listen on'),
  port: z.number().int().min(0).max(65535).default(7101).describe('Port to listen on; 0: any free one'),
  advertiseUrl: z
    .url()
    .optional()
    .describe('Where other processes reach this node; default http://host:port'),
  ...natsConfigShape,
  dataDir: z.string().default('.driftless').describe('Directory of the data'),
  runDir: z.string().optional().describe('Directory of the run file; default <data dir>/run'),
  logLevel: z.enum(LOG_LEVELS).default('info').describe('Least severe log lines that are written'),
  leaseTtlMs: whole('ms', 200).default(4000).describe('A lease not renewed for this long may be taken'),
  leaseMarginMs: whole('ms')
    .default(1000)
    .describe('A leader stops acking this long before its lease may be taken'),
  leaseRenewMs: whole('ms').default(1000).describe('How often a leader renews its lease'),
  rankDelayMs: whole('ms', 0).default(400).describe('How much longer each less preferred candidate waits'),
  resignTimeoutMs: whole('ms')
    .default(3000)
    .describe('How long a resigning leader may take to empty its outbox'),
  handBackAfterMs: whole('ms')
    .default(10_000)
    .describe('How long the preferred leader must be well before it leads'),
  streamReplicas: z
    .number()
    .int()
    .min(1)
    .max(5)
    .default(1)
    .describe('Copies of each stream in the NATS cluster'),
  streamBytesMax: whole('bytes', 1024 * 1024)
    .default(512 * 1024 * 1024)
    .describe('Size past which a stream drops its oldest events; followers then read the log of a peer'),
  streamAgeMaxMs: whole('ms', 1000).default(86_400_000).describe('Age at which a stream drops events'),
  publishTimeoutMs: whole('ms').default(2000).describe('How long a publish may wait for its answer'),
  publishesInFlightMax: whole('events').default(8).describe('Events under way to the stream, per shard'),
  ackPendingMax: whole('events').default(128).describe('Events given to a follower and not acked'),
  ackWaitMs: whole('ms', 1000)
    .default(30_000)
    .describe('Time after which an event not acked is given out again'),
  outboxOpsMax: whole('operations')
    .default(200_000)
    .describe('Operations the stream has not confirmed past which a leader refuses writes'),
  leaderQueueOpsMax: whole('operations')
    .default(20_000)
    .describe('Operations that may wait for a commit, per shard'),
  applyBurst: whole('events').default(32).describe('Events applied before other work gets its turn'),
  followerSyncMs: whole('ms', 0)
    .default(100)
    .describe('How long followers may leave what they applied unsynced when no client waits for it'),
  campaignAskMs: whole('ms')
    .default(1000)
    .describe('How long a candidate waits for its peers to say where they are'),
  logBytesMin: whole('bytes', 0)
    .default(64 * 1024 * 1024)
    .describe('Log kept, per shard, although every member has applied it'),
  logBytesMax: whole('bytes', 1024 * 1024)
    .default(512 * 1024 * 1024)
    .describe('Log past which the oldest batches go although a member lacks them; it will need a snapshot'),
  movesMax: whole('shards')
    .default(2)
    .describe('Shards that move to another node at one time, as seen by each node'),
  retireAfterMs: whole('ms')
    .default(5000)
    .describe('How long a node keeps a replica that its shard does not count on any more'),
  inject: z
    .boolean()
    .default(false)
    .describe('Lets tests and the lab spoil replicas on purpose; never where data matters'),
  scrubRowsPerSecond: whole('rows per second', 0)
    .default(250)
    .describe('Pace at which each replica audits its rows in the background; 0: off'),
  driftedMsMax: whole('ms')
    .default(30_000)
    .describe('How long a replica stays drifted before a snapshot replaces it'),
  headSilentMs: whole('ms')
    .default(3000)
    .describe('Without news from the leader for this long the lag is unknown'),
  statusEveryMs: whole('ms').default(500).describe('How often a node tells its state'),
  peerTimeoutMs: whole('ms').default(5000).describe('How long a peer may take to answer'),
  retryDelayMs: whole('ms').default(250).describe('Pause before a failed internal call is made again'),
  answersKeptMs: whole('ms', 60_000)
    .default(86_400_000)
    .describe('How long the answer under an Idempotency-Key is kept'),
  expiredKeptMs: whole('ms', 0)
    .default(60_000)
    .describe('How long an expired value is kept at least, for clocks differ; then it may go for good'),
  collectEveryMs: whole('ms')
    .default(100)
    .describe('Pause between two records of a leader that remove deleted and expired keys for good'),
  collectKeysMax: whole('keys')
    .max(collectedEntriesMax)
    .default(200)
    .describe('Keys that one such record removes'),
  collectBytesMax: whole('bytes')
    .default(4 * 1024 * 1024)
    .describe('Bytes of expired values that one such record removes'),
  pageBytes: z
    .union([z.literal(1024), z.literal(2048), z.literal(4096), z.literal(8192)])
    .default(2048)
    .describe('SQLite page size of new files')
    .meta({ unit: 'bytes' }),
  headsCachedMax: whole('rows', 2)
    .default(32_768)
    .describe(
      'Versions and digests kept in memory of the rows written last, per shard, about 120 bytes each',
    ),
  walCheckpointPages: whole('pages')
    .default(4_000)
    .describe(
      'Pages in the WAL at which a thread copies them to the file; at four times as many a commit does',
    ),
});
export type NodeConfig = z.output<typeof nodeConfigSchema>;
