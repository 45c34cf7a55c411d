/** Configuration of the anti-entropy process: `DRIFTLESS_<KEY>` in the environment, checked at the start. */
import { clusterNameSchema, nodeIdSchema } from '@driftless/contracts';
import { LOG_LEVELS, natsConfigShape } from '@driftless/runtime';
import { z } from 'zod';
import { parseQuietHours } from '../core/schedule.ts';

const milliseconds = (value: number, description: string, max = 86_400_000) =>
  z.number().int().min(1).max(max).default(value).meta({ unit: 'ms', description });
const count = (unit: string, value: number, description: string, max: number) =>
  z.number().int().min(1).max(max).default(value).meta({ unit, description });

export const antiEntropyConfigSchema = z.object({
  cluster: clusterNameSchema.default('driftless').describe('Name of the cluster; part of every NATS name'),
  ...natsConfigShape,
  instance: nodeIdSchema.default('anti-entropy-1').describe('Name of this process'),
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on'),
  port: z.number().int().min(0).max(65_535).default(8081).describe('Port to listen on; 0 picks a free one'),
  advertiseUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Where gateways reach this process; default: http://host:port'),
  runDir: z.string().min(1).default('.driftless/run').describe('Where run files are kept'),
  logLevel: z.enum(LOG_LEVELS).default('info').describe('Least severe log lines to write'),
  streamReplicas: z
    .number()
    .int()
    .min(1)
    .max(5)
    .default(1)
    .describe('Copies that JetStream keeps of the bucket of the round leases'),

  roundEveryMs: milliseconds(60_000, 'Time between two scheduled rounds of a shard'),
  roundJitter: z
    .number()
    .min(0)
    .max(0.9)
    .default(0.2)
    .describe('Share of that time by which a round may come sooner or later'),
  roundRetryMs: milliseconds(
    2_000,
    'Time to the next round after one that left something; doubled each time that nothing could be done',
  ),
  roundQuietHours: z
    .string()
    .regex(/^\d\d:\d\d-\d\d:\d\d$/)
    .refine((text) => parseQuietHours(text) !== undefined, 'hours of the day, from 00:00 to 23:59')
    .optional()
    .describe(
      'Hours in UTC, like 22:00-06:30, in which no scheduled round begins; drift is reacted to at any time',
    ),
  roundsMax: count('shards', 2, 'Shards that are in a round at one time', 1024),
  roundKeysMax: count('keys', 10_000, 'Most keys that are repaired in one round of a shard', 10_000_000),
  roundBytesMax: count(
    'bytes',
    64 * 1024 * 1024,
    'Most bytes of values that are fetched in one round',
    2 ** 40,
  ),
  copyAboveKeys: count(
    'keys',
    100_000,
    "A replica with more differing keys takes a copy of a peer's file instead",
    10_000_000,
  ),
  exchangeTimeoutMs: milliseconds(120_000, 'How long a node may take for one exchange'),
  roundLeaseTtlMs: milliseconds(5_000, 'A round lease that is not renewed for this long may be taken over'),
  roundLeaseWaitMs: milliseconds(
    30_000,
    'How long rounds that were asked for wait for another process to end its own',
  ),
  nodeSilentMs: milliseconds(3_000, 'A node without a status for this long cannot be compared'),
  onceListenMs: milliseconds(
    10_000,
    'How long a one-shot listens for the statuses of all nodes before it does without those that are silent',
  ),
});

export type AntiEntropyConfig = z.infer<typeof antiEntropyConfigSchema>;
