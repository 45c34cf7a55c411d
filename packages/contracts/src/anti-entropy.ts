/**
 * What the anti-entropy process tells of its rounds, and what it can be told, over HTTP of its own:
 *
 *     GET  /v1/anti-entropy                → AntiEntropyView
 *     POST /v1/anti-entropy/run   RunBody  → RunAnswer, when the rounds are over
 *
 * A round takes one shard: every member of its replica set is compared with one of them, the reference, and
 * repairs itself. One process at a time works on a shard: it holds the shard's round lease.
 */
import { z } from 'zod';
import { comparisonOutcomes, differenceSchema, exchangeAnswerSchema } from './exchange.ts';
import { positionSchema } from './position.ts';

/** What an anti-entropy process answers when it is asked for over NATS: where it is (http://host:port). */
export const whereaboutsSchema = z.object({ instance: z.string(), url: z.string() });
export type Whereabouts = z.infer<typeof whereaboutsSchema>;

/** The round lease of a shard, in a KV bucket: taken over when one revision stood for a whole TTL. */
export const roundLeaseSchema = z.object({
  /** The process that works on the shard, or null when it is done. */
  holder: z.string().nullable(),
  /** Tells two lives of one process apart. */
  incarnation: z.string(),
  ttlMs: z.number().int().positive(),
});
export type RoundLease = z.infer<typeof roundLeaseSchema>;

/** How far a replica has been taken: the first two exchange rows, the third takes a copy of a peer's file. */
export const rungs = ['key', 'bucket', 'snapshot', 'operator'] as const;
export const rungSchema = z.enum(rungs);
export type Rung = z.infer<typeof rungSchema>;

export const roundCauses = ['schedule', 'drift', 'again', 'asked'] as const;
export const roundCauseSchema = z
  .enum(roundCauses)
  .describe('schedule: its time has come; drift: a node told of some; again: the last one left something');
export type RoundCause = z.infer<typeof roundCauseSchema>;

const outcomeSchema = z.enum(comparisonOutcomes);

/** A replica of the round, and what came of comparing it with the reference. */
export const pairReportSchema = z.object({
  node: z.string(),
  with: z.string(),
  outcome: outcomeSchema,
  /** Of all but `equal`: a sentence for people. */
  reason: z.string().optional(),
  /** Where both were compared last, and the root of `node` there. */
  position: positionSchema.optional(),
  root: z.string().optional(),
  counts: exchangeAnswerSchema.shape.counts,
  /** The first few of those that were found, healed or not. */
  differences: z.array(differenceSchema.pick({ key: true, bucket: true, action: true, reason: true })),
});
export type PairReport = z.infer<typeof pairReportSchema>;

export const roundReportSchema = z.object({
  shard: z.number().int(),
  /** The process that did it. */
  by: z.string(),
  cause: roundCauseSchema,
  dryRun: z.boolean(),
  /**
   * `equal`: every member was proven equal to the reference. `different`: something is left. Else
   * `not-comparable`, which never counts as checked.
   */
  outcome: outcomeSchema,
  reason: z.string().optional(),
  /** Whom the others were compared with. */
  reference: z.string().optional(),
  members: z.array(z.string()),
  pairs: z.array(pairReportSchema),
  /** Every member was proven equal here or later; the leader was told. */
  verified: positionSchema.optional(),
  /** When it began, ISO 8601. */
  startedAt: z.string(),
  tookMs: z.number(),
});
export type RoundReport = z.infer<typeof roundReportSchema>;

/** Two replicas that were found equal: where, and when that was last. */
export const provenPairSchema = z.object({
  shard: z.number().int(),
  nodes: z.tuple([z.string(), z.string()]),
  position: positionSchema,
  /** ISO 8601. */
  at: z.string(),
});
export type ProvenPair = z.infer<typeof provenPairSchema>;

/** A replica that needs more than the next scheduled round. */
export const patientSchema = z.object({
  node: z.string(),
  rung: rungSchema,
  /** Why it stands on that rung; absent on the first. */
  reason: z.string().optional(),
  health: z.string().optional(),
  suspectBuckets: z.number().int().optional(),
  /** Since when it is known to be drifted, milliseconds. */
  driftedForMs: z.number().optional(),
  /** Rows that were healed too often lately. */
  stoppedRows: z.number().int(),
});
export type Patient = z.infer<typeof patientSchema>;

export const antiEntropyShardSchema = z.object({
  shard: z.number().int(),
  /** `waiting`: its time has come, and another round or process is at it. */
  state: z.enum(['resting', 'waiting', 'running']),
  /** Until its next round, milliseconds; 0 when its time has come. */
  dueInMs: z.number(),
  cause: roundCauseSchema,
  lastRound: roundReportSchema.optional(),
  patients: z.array(patientSchema),
});

/** `GET /v1/anti-entropy` */
export const antiEntropyViewSchema = z.object({
  cluster: z.string(),
  instance: z.string(),
  natsConnected: z.boolean(),
  /** No scheduled rounds begin now. */
  quiet: z.boolean(),
  shards: z.array(antiEntropyShardSchema),
  proven: z.array(provenPairSchema),
});
export type AntiEntropyView = z.infer<typeof antiEntropyViewSchema>;

/** `POST /v1/anti-entropy/run`: rounds at once, of one shard or of all. */
export const runBodySchema = z.strictObject({
  shard: z.number().int().min(0).optional(),
  /** Compare only, repair nothing. */
  dryRun: z.boolean().default(false),
});
export type RunBody = z.infer<typeof runBodySchema>;
export const runAnswerSchema = z.object({ outcome: outcomeSchema, rounds: z.array(roundReportSchema) });
export type RunAnswer = z.infer<typeof runAnswerSchema>;
