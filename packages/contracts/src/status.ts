/**
 * What processes tell each other about where they stand. A number that isn't known is absent, never 0.
 */
import { z } from 'zod';
import { memberListSchema } from './membership.ts';
import { positionSchema } from './position.ts';

/**
 * `learning`: it holds a copy and is not of the shard's set yet; `retiring`: it is not of the set any more.
 */
export const replicaRoles = [
  'starting',
  'learning',
  'retiring',
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

/** A shard's replica set on its way from what it is to what it should be, as its leader sees it. */
export const shardMoveSchema = z.object({
  /** A majority of the set has the record of it on disk: who is not in it may let its copy go. */
  settled: z.boolean(),
  /** The node that should take a copy and follow, to be added when it has caught up. */
  invited: z.string().optional(),
  /** What happens next, or what it waits for: a sentence for people; absent when all is as it should be. */
  doing: z.string().optional(),
});
export type ShardMove = z.infer<typeof shardMoveSchema>;

/** A comparison of two replicas of a shard that found them equal. */
export const provenSchema = z.object({
  /** The other one. */
  with: z.string(),
  position: positionSchema,
  /** When, for people: milliseconds since the Unix epoch. */
  at: z.number().int().min(0),
});
export type Proven = z.infer<typeof provenSchema>;

export const replicaStatusSchema = z.object({
  shard: z.number().int().min(0),
  role: replicaRoleSchema,
  health: replicaHealthSchema,
  /** Why it is not healthy: a sentence for people. */
  reason: z.string().optional(),
  /** Who leads, as this replica sees it. */
  leader: z.string().optional(),
  /** The shard's replica set in force at `applied`; empty while it doesn't know. */
  members: z.array(z.string()).default([]),
  /** Leader: how the set comes to what it should be. */
  move: shardMoveSchema.optional(),
  /** Last operation applied durably. */
  applied: positionSchema,
  /** Root at `applied`: 32 hex digits. */
  root: z.string(),
  /** `root ^ stamped root` while drifted: 32 hex digits. */
  drift: z.string().optional(),
  /** Buckets that hold something else than they should, as far as was met: work for anti-entropy. */
  suspectBuckets: z.number().int().min(0).optional(),
  /** The walk that audits rows: how far it is in this round, and when the last round ended. */
  scrub: z
    .object({
      percent: z.number().min(0).max(100),
      /** Milliseconds since the Unix epoch; absent before the first. */
      lastCompletedAt: z.number().int().optional(),
    })
    .optional(),
  /** The last such comparison with each peer that this replica made; absent before the first. */
  proven: z.array(provenSchema).optional(),
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
  /** When this was told, by the node's own clock, milliseconds: it hears it back from NATS. */
  toldAt: z.number().optional(),
  /** How long what it told last was on its way back, milliseconds; absent until it is known. */
  natsRoundTripMs: z.number().min(0).optional(),
  draining: z.boolean(),
  /** The list of members as this node knows it. */
  members: memberListSchema.default([]),
  shards: z.array(replicaStatusSchema),
});
export type NodeStatus = z.infer<typeof nodeStatusSchema>;

/** Leader → everyone (core NATS): where the log ends. */
export const headMessageSchema = positionSchema.extend({ node: z.string(), committedAt: z.number().int() });
export type HeadMessage = z.infer<typeof headMessageSchema>;

/** Replica → leader (core NATS): applied durably up to here. */
export const appliedMessageSchema = positionSchema.extend({ node: z.string() });
export type AppliedMessage = z.infer<typeof appliedMessageSchema>;
