/**
 * What processes tell each other about where they stand. A number that isn't known is absent, never 0.
 */
import { z } from 'zod';
import { positionSchema } from './position.ts';

export const replicaRoles = [
  'starting',
  'following',
  'campaigning',
  'leading',
  'resigning',
  'halted',
] as const;
export const replicaRoleSchema = z.enum(replicaRoles);
export type ReplicaRole = z.infer<typeof replicaRoleSchema>;

/**
 * `healthy` equal to the history as far as it was checked; `drifted` a digest check failed and it has not
 * been proven equal since; `restoring` a deposed leader puts back what its orphans changed; `halted` applies
 * nothing more.
 */
export const replicaHealths = ['healthy', 'drifted', 'restoring', 'halted'] as const;
export const replicaHealthSchema = z.enum(replicaHealths);
export type ReplicaHealth = z.infer<typeof replicaHealthSchema>;

export const replicaStatusSchema = z.object({
  shard: z.number().int().min(0),
  role: replicaRoleSchema,
  health: replicaHealthSchema,
  /** Why it is not healthy: a sentence for people. */
  reason: z.string().optional(),
  /** Who leads, as this replica sees it. */
  leader: z.string().optional(),
  /** Last operation applied durably. */
  applied: positionSchema,
  /** Root at `applied`: 32 hex digits. */
  root: z.string(),
  /** `root ^ stamped root` while drifted: 32 hex digits. */
  drift: z.string().optional(),
  /** Leader: last seq that the stream has confirmed. */
  confirmedSeq: z.number().int().optional(),
  /** Leader: operations committed but not confirmed by the stream. */
  outboxOps: z.number().int().optional(),
  /** Leader's seq − applied seq; absent when unknown. */
  lagOps: z.number().int().min(0).optional(),
  /** Age of the oldest operation not applied, milliseconds; 0 when caught up, absent when unknown. */
  lagMs: z.number().min(0).optional(),
  /** First and last seq that the log still holds. */
  log: z.object({ firstSeq: z.number().int(), lastSeq: z.number().int() }).optional(),
  /** JetStream sequence applied up to, and when that stream was created. Hints. */
  stream: z.object({ seq: z.number().int(), createdAt: z.string() }),
  counts: z.object({
    driftEvents: z.number().int(),
    corruptRows: z.number().int(),
    quarantined: z.number().int(),
    orphans: z.number().int(),
    gaps: z.number().int(),
  }),
  /** The last failed digest check. */
  lastDrift: z.object({ at: positionSchema, key: z.string().optional(), reason: z.string() }).optional(),
});
export type ReplicaStatus = z.infer<typeof replicaStatusSchema>;

export const nodeStatusSchema = z.object({
  node: z.string(),
  incarnation: z.string(),
  /** Where other processes reach it: http://host:port. */
  url: z.string(),
  startedAt: z.string(),
  /** Server version of the NATS it is connected to; absent while it is not. */
  natsVersion: z.string().optional(),
  natsConnected: z.boolean(),
  draining: z.boolean(),
  shards: z.array(replicaStatusSchema),
});
export type NodeStatus = z.infer<typeof nodeStatusSchema>;

/** Leader → everyone (core NATS): where the log ends. */
export const headMessageSchema = positionSchema.extend({ node: z.string(), committedAt: z.number().int() });
export type HeadMessage = z.infer<typeof headMessageSchema>;

/** Replica → leader (core NATS): applied durably up to here. */
export const appliedMessageSchema = positionSchema.extend({ node: z.string() });
export type AppliedMessage = z.infer<typeof appliedMessageSchema>;
