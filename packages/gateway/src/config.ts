/** Configuration of the gateway: `DRIFTLESS_<KEY>` in the environment, checked once at the start. */
import { clusterNameSchema, logWaitMsMax, nodeIdSchema } from '@driftless/contracts';
import { LOG_LEVELS, natsConfigShape } from '@driftless/runtime';
import { z } from 'zod';

const count = (unit: string, value: number, description: string, max = 1_000_000) =>
  z.number().int().min(1).max(max).default(value).meta({ unit, description });
const milliseconds = (value: number, description: string, max = 600_000) =>
  count('ms', value, description, max);

export const gatewayConfigSchema = z.object({
  cluster: clusterNameSchema.default('driftless').describe('Name of the cluster; part of every NATS name'),
  ...natsConfigShape,
  shards: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Number of shards that the cluster must have; a different one stops the process'),
  members: z.array(nodeIdSchema).optional().describe('Members that the cluster must have, in any order'),
  instance: nodeIdSchema.default('gateway-1').describe('Name of this gateway'),
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on'),
  port: z.number().int().min(0).max(65_535).default(8080).describe('Port to listen on; 0 picks a free one'),
  runDir: z.string().min(1).default('.driftless/run').describe('Where run files are kept'),
  logLevel: z.enum(LOG_LEVELS).default('info').describe('Least severe log lines to write'),

  sessionKey: z
    .string()
    .min(32)
    .optional()
    .describe('Secret that session tokens are signed with; default: one that the gateways share over NATS'),

  nodeSilentMs: milliseconds(3_000, 'A node without a status for this long counts as dead'),
  readLagMaxMs: milliseconds(
    5_000,
    'A replica further behind serves eventual reads only for want of a better',
  ),
  routeWaitMs: milliseconds(8_000, 'How long a request waits for its shard to have a leader that takes it'),
  writeTimeoutMs: milliseconds(5_000, 'How long a node may wait for the ack level of a write'),
  readTimeoutMs: milliseconds(2_000, 'How long a node may take to answer reads before another is asked'),
  sessionWaitMs: milliseconds(2_000, 'How long a replica that is behind a session may wait to catch up'),
  sessionWaitsMax: count('reads', 32, 'Session reads that wait so at one node; more are sent to another'),
  hopMarginMs: milliseconds(1_000, 'Time on top of a write timeout before the node counts as silent'),
  connectTimeoutMs: milliseconds(1_000, 'How long a connection to a node may take'),
  retryFirstMs: milliseconds(20, 'Back-off after the first refusal of a node'),
  retryMaxMs: milliseconds(500, 'Longest back-off between attempts'),

  laneInFlightMax: count('requests', 1, 'Requests under way from one lane to its node'),
  laneCrowdedInFlightMax: count(
    'requests',
    2,
    'The same while more come than are served; only when so many are under way is anybody told 429',
  ),
  writeLingerMs: milliseconds(3, 'How long a request of writes waits for more under load'),
  laneStandingWaitMs: milliseconds(
    30,
    'How long callers of a lane should wait while more come than are served; past it some are told 429',
  ),
  laneWaitingOperationsMax: count('operations', 20_000, 'Operations that wait in one lane'),
  laneWaitingBytesMax: count('bytes', 64 * 1024 * 1024, 'Bytes that wait in one lane', 2 ** 40),
  nodeConnectionsMax: count('connections', 64, 'Connections to one node'),
  inFlightMax: count('requests', 4_096, 'Requests that are served at one time; more are told 429'),
  inFlightBytesMax: count('bytes', 256 * 1024 * 1024, 'Bytes of bodies at one time', 2 ** 40),
  listInFlightMax: count('requests', 32, 'Listings that are served at one time'),
  listBytesMax: count('bytes', 4 * 1024 * 1024, 'Bytes of values in one page of a listing', 2 ** 30),

  watchersMax: count('watchers', 1_000, 'Watchers that are served at one time; more are told 429'),
  watchBufferBytesMax: z
    .number()
    .int()
    .min(4 * 1024 * 1024)
    .max(2 ** 40)
    .default(16 * 1024 * 1024)
    .describe('Recent changes kept, per shard, for all watchers; one that falls further behind is cut off')
    .meta({ unit: 'bytes' }),
  watchPageBytesMax: count('bytes', 512 * 1024, 'Bytes of log that one watcher is given at a time', 2 ** 30),
  watchCatchUpsMax: count('requests', 16, 'Requests to one node for log that is not recent any more'),
  watchPollMs: milliseconds(5_000, 'How long a node holds a request for log to come', logWaitMsMax),
  watchHeartbeatMs: milliseconds(15_000, 'How often a watcher without events is sent a sign of life'),
  watchStallMs: milliseconds(30_000, 'A watcher that takes nothing for this long is cut off'),

  diffKeysMax: count('keys', 10_000, 'Keys that a comparison of two replicas looks at one by one'),
  diffTimeoutMs: milliseconds(60_000, 'How long a node may take to compare its replica with another one'),
  healTimeoutMs: milliseconds(300_000, 'How long rounds of anti-entropy that were asked for may take'),

  canaryEveryMs: z
    .number()
    .int()
    .min(0)
    .max(86_400_000)
    .default(10_000)
    .meta({ unit: 'ms' })
    .describe(
      'How often this gateway writes a canary to each shard, and reads it at every replica; 0: never',
    ),

  circuitFailuresMax: count('failures', 5, 'Failures in a row that open the circuit to a node'),
  circuitOpenMs: milliseconds(1_000, 'How long a circuit stays open before it is tried again'),
});

export type GatewayConfig = z.infer<typeof gatewayConfigSchema>;
