/**
 * The public REST surface as schemas: the gateway validates and documents with them, the client
 * takes its types from them. Objects are strict: a field that isn't known is an error, not a silent no-op.
 */
import { z } from 'zod';
import { problemSchema } from './errors.ts';
import { ackLevelSchema, readLevelSchema } from './levels.ts';
import {
  batchOperationsMax,
  counterAbsMax,
  listLimitDefault,
  listLimitMax,
  stalenessMsMax,
  ttlSecondsMax,
} from './limits.ts';
import { memberSchema } from './membership.ts';
import { nodeStatusSchema, replicaStatusSchema } from './status.ts';

const ttlSchema = z.coerce.number().int().min(1).max(ttlSecondsMax).describe('Time to live, in seconds');

export const writeQuerySchema = z.strictObject({
  ack: ackLevelSchema.optional().describe('How safe the write must be before it is answered; default stream'),
  ttl: ttlSchema.optional(),
});
export const deleteQuerySchema = writeQuerySchema.omit({ ttl: true });
const maxStalenessSchema = z.coerce.number().int().min(0).max(stalenessMsMax);
const freshnessQuery = {
  consistency: readLevelSchema.optional().describe('How fresh the answer must be; default eventual'),
  maxStalenessMs: maxStalenessSchema.optional().describe('With bounded: the largest staleness, milliseconds'),
};
export const readQuerySchema = z.strictObject(freshnessQuery);
export const listQuerySchema = z.strictObject({
  prefix: z.string().default('').describe('Only keys that begin with this'),
  limit: z.coerce.number().int().min(1).max(listLimitMax).default(listLimitDefault),
  cursor: z.string().optional().describe('`next` of the page before'),
  values: z.enum(['true', 'false']).default('true').describe('Whether entries carry their values'),
  ...freshnessQuery,
});

/** Answer of a write. */
export const writtenSchema = z.object({
  key: z.string(),
  version: z.string(),
  created: z.boolean().optional(),
  ack: ackLevelSchema,
});
export type Written = z.infer<typeof writtenSchema>;

/**
 * `value` when the content type is JSON or text, `valueBase64` otherwise; neither when values were not asked
 * for.
 */
export const listedEntrySchema = z.object({
  key: z.string(),
  version: z.string(),
  contentType: z.string(),
  bytes: z.number().int(),
  expiresAt: z.string().optional(),
  value: z.unknown().optional(),
  valueBase64: z.string().optional(),
});
export type ListedEntry = z.infer<typeof listedEntrySchema>;
export const listSchema = z.object({ entries: z.array(listedEntrySchema), next: z.string().optional() });
export type List = z.infer<typeof listSchema>;

/**
 * `data` of a `put` or `delete` in `GET /v1/watch`: a change that the stream has confirmed. A deletion has no
 * content type, value or expiry.
 */
export const watchedChangeSchema = z.object({
  key: z.string(),
  version: z.string(),
  contentType: z.string().optional(),
  value: z.unknown().optional(),
  valueBase64: z.string().optional(),
  expiresAt: z.string().optional(),
  shard: z.number().int(),
  committedAt: z.string(),
});
export type WatchedChange = z.infer<typeof watchedChangeSchema>;
/** `data` of the `ready` that begins a watch. */
export const watchReadySchema = z.object({ shards: z.number().int() });

const batchConditions = { ifMatch: z.string().optional(), ifNoneMatch: z.string().optional() };
export const batchOperationSchema = z.discriminatedUnion('op', [
  z.strictObject({
    op: z.literal('put'),
    key: z.string(),
    value: z.json().optional(),
    valueBase64: z.string().optional(),
    contentType: z.string().optional(),
    ttl: ttlSchema.optional(),
    ...batchConditions,
  }),
  z.strictObject({ op: z.literal('delete'), key: z.string(), ...batchConditions }),
  z.strictObject({ op: z.literal('increment'), key: z.string(), by: z.number().int().optional() }),
]);
export type BatchOperation = z.infer<typeof batchOperationSchema>;
export const batchBodySchema = z.strictObject({
  operations: z.array(batchOperationSchema).min(1).max(batchOperationsMax),
});
export type BatchBody = z.infer<typeof batchBodySchema>;

/**
 * One result an operation, in order. Operations stand alone: one that is refused does not stop the others.
 */
export const batchResultSchema = z.object({
  status: z.number().int(),
  key: z.string(),
  version: z.string().optional(),
  value: z.number().optional(),
  problem: problemSchema.optional(),
});
export const batchAnswerSchema = z.object({ ack: ackLevelSchema, results: z.array(batchResultSchema) });
export type BatchAnswer = z.infer<typeof batchAnswerSchema>;

export const incrementBodySchema = z.strictObject({
  by: z.number().int().min(-counterAbsMax).max(counterAbsMax).default(1),
});
export const counterSchema = z.object({ key: z.string(), value: z.number(), version: z.string() });
export type Counter = z.infer<typeof counterSchema>;

/** The metrics-storage seed's own record: `POST /data` keeps `value` under `key`. */
export const dataBodySchema = z.strictObject({ key: z.string(), value: z.json() });
export const dataSchema = z.object({ key: z.string(), value: z.unknown(), version: z.string() });

/** A node as the gateway sees it: its last status and how old that is. */
export const clusterNodeSchema = nodeStatusSchema.omit({ shards: true, members: true, toldAt: true }).extend({
  /** Age of its last status, milliseconds. */
  statusAgeMs: z.number(),
  /** It has told its state lately. */
  alive: z.boolean(),
  /** State of the gateway's circuit to it. */
  circuit: z.enum(['closed', 'half-open', 'open']),
});
export const shardReplicaSchema = replicaStatusSchema.extend({ node: z.string(), alive: z.boolean() });
export const shardViewSchema = z.object({
  shard: z.number().int(),
  leader: z.string().optional(),
  epoch: z.number().int().optional(),
  /** The replica set in force, the preferred leader first. */
  members: z.array(z.string()),
  replicas: z.array(shardReplicaSchema),
});
export type ShardView = z.infer<typeof shardViewSchema>;
export const memberViewSchema = memberSchema.extend({
  /** It has told its state lately. */
  alive: z.boolean(),
  /** Shards whose replica set it is in. */
  shards: z.array(z.number().int()),
  /** Shards that it leads. */
  leads: z.array(z.number().int()),
  /** Shards of which it has a copy that does not count: on their way to it, or left behind. */
  copies: z.array(z.number().int()),
});
export type MemberView = z.infer<typeof memberViewSchema>;
/** `GET /v1/admin/members`: who is a member, and which shards move. */
export const membersViewSchema = z.object({
  members: z.array(memberViewSchema),
  moves: z.array(
    z
      .object({ shard: z.number().int(), members: z.array(z.string()), doing: z.string() })
      .describe('A shard whose replica set is not yet what the members ask for, and what happens next'),
  ),
});
export type MembersView = z.infer<typeof membersViewSchema>;
export const clusterViewSchema = z.object({
  cluster: z.string(),
  shardCount: z.number().int(),
  replicationFactor: z.number().int(),
  gateway: z.string(),
  nats: z.object({ connected: z.boolean(), version: z.string().optional() }),
  ...membersViewSchema.shape,
  nodes: z.array(clusterNodeSchema),
  shards: z.array(shardViewSchema),
});
export type ClusterView = z.infer<typeof clusterViewSchema>;
