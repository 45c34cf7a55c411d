/**
 * The hop between gateway and node, and between nodes: HTTP with kept connections. What carries values or
 * events, and the requests of the hot path, are frames (frame.ts): a header and, after a `+`, bytes. What
 * carries neither is plain JSON.
 *
 *     POST /node/v1/write              frame: WriteHeader + values   → JSON: WriteAnswer
 *     POST /node/v1/read               frame: ReadHeader             → frame: ReadAnswer + values
 *     POST /node/v1/list               frame: ListHeader             → frame: ListAnswer + values
 *     POST /node/v1/shards/{n}/rows    JSON: RowsHeader              → frame: RowsAnswer + values
 *     GET  /node/v1/shards/{n}/log?after=SEQ&bytes=N&waitMs=N        → frame: LogAnswer + events
 *     GET  /node/v1/shards/{n}/dump                                  → NDJSON: DumpHead, then DumpRows
 *     POST /node/v1/shards/{n}/scrub   JSON: ScrubHeader, or nothing → JSON: ScrubAnswer
 *     POST /node/v1/members/leave      JSON: { node }                → JSON: { members }
 *     POST /node/v1/members/replace    JSON: { node, by }            → JSON: { members }
 *     GET  /node/v1/status                                           → JSON: NodeStatus
 *
 * Members that a reader does not know it leaves out: an older process works with a newer one that tells more.
 *
 * The log holds every batch with an operation after SEQ, the first of which may have begun before; it is
 * answered when there is one, or after `waitMs`. An answer that is not 2xx is a problem detail (errors.ts).
 */
import { z } from 'zod';
import { errorCodes, lostPositionSchema } from './errors.ts';
import { ackLevelSchema, readLevelSchema } from './levels.ts';
import { positionSchema } from './position.ts';

/** Versions as `ETag` writes them without quotes (`3-120`), or `*` for any. */
const versionsSchema = z.union([z.literal('*'), z.array(z.string())]);

/** Present where what is asked for is traced: the span that asks (trace-context.ts). */
const tracedSchema = { traceparent: z.string().optional() };

const conditionsSchema = {
  /** The key must be at one of these versions (`*`: must exist). */
  ifMatch: versionsSchema.optional(),
  /** The key must be at none of these versions (`*`: must not exist). */
  ifNoneMatch: versionsSchema.optional(),
  idempotency: z
    .object({
      id: z.string().min(1),
      fingerprint: z.string(),
      /**
       * Asked on the client's behalf, on conditions that are not the client's: a refusal is no answer to its
       * request.
       */
      onBehalf: z.boolean().optional(),
    })
    .optional(),
  /** The writer's session has seen this position: the write comes after it, or isn't done. */
  seen: positionSchema.optional(),
  /**
   * Nobody has written the key in a later epoch than this version's, or deleted it, so far as the leader can
   * tell: what removed rows leave in doubt counts as written.
   */
  unwrittenSince: positionSchema.optional(),
  ...tracedSchema,
};

export const writeOperationSchema = z.discriminatedUnion('op', [
  z.object({
    op: z.literal('put'),
    key: z.string().min(1),
    /** Length of the value, which follows in the frame's body. */
    bytes: z.number().int().min(0),
    type: z.string(),
    ttlSeconds: z.number().positive().optional(),
    ...conditionsSchema,
  }),
  z.object({ op: z.literal('delete'), key: z.string().min(1), ...conditionsSchema }),
  z.object({ op: z.literal('increment'), key: z.string().min(1), by: z.number().int(), ...conditionsSchema }),
]);
export type WriteOperation = z.infer<typeof writeOperationSchema>;

/** JSON around an operation in an event, with numbers and a recorded answer. */
const eventOverheadBytes = 768;
/** A character of a JSON string takes at most this many bytes: `\\u0000`. */
const jsonCharBytesMax = 6;

/** Most bytes that an operation can take in an event: gateways and leaders cut requests and batches by it. */
export function eventBytesBound(operation: WriteOperation, valueBytes: number): number {
  const { key, idempotency } = operation;
  const type = operation.op === 'put' ? operation.type.length : 0;
  const chars =
    key.length + type + (idempotency ? idempotency.id.length + idempotency.fingerprint.length : 0);
  return valueBytes + chars * jsonCharBytesMax + eventOverheadBytes;
}

export const writeHeaderSchema = z.object({
  shard: z.number().int().min(0),
  ack: ackLevelSchema,
  /** How long the node may wait for the ack level, milliseconds. */
  timeoutMs: z.number().positive(),
  operations: z.array(writeOperationSchema).min(1),
});
export type WriteHeader = z.infer<typeof writeHeaderSchema>;

export const writeResultSchema = z.object({
  /** Absent when the operation did what it asked for. */
  error: z.enum(errorCodes).optional(),
  detail: z.string().optional(),
  /** The key's version after the operation (or at it, when refused); absent when the key has none. */
  version: z.string().optional(),
  /** `put`: the key had no value before. */
  created: z.boolean().optional(),
  /** `increment`: the counter's new value. */
  value: z.number().optional(),
  /** An earlier request with this `Idempotency-Key` got this answer. */
  replayed: z.boolean().optional(),
  /** `session-rolled-back`: what the session had seen, and where the history went on. */
  lost: lostPositionSchema.optional(),
});
/** What became of one operation. */
export type WriteResult = z.infer<typeof writeResultSchema>;

export const writeAnswerSchema = z.object({
  node: z.string(),
  /** Position of the shard after the batch. */
  position: positionSchema,
  results: z.array(writeResultSchema),
});
export type WriteAnswer = z.infer<typeof writeAnswerSchema>;

/** How fresh a read must be. Fields that a level doesn't use are absent. */
const freshnessSchema = {
  level: readLevelSchema,
  /** `bounded`: the largest staleness that will do, milliseconds. */
  maxStalenessMs: z.number().min(0).optional(),
  /**
   * The reader's session has seen this position. `session` is served only by a replica that has applied it;
   * at any level the reader is told when it was rolled back.
   */
  seen: positionSchema.optional(),
  /** `session`: how long the replica may wait to have it applied, milliseconds. */
  waitMs: z.number().min(0).optional(),
};

export const readSchema = z.object({
  shard: z.number().int().min(0),
  key: z.string().min(1),
  ...freshnessSchema,
  ...tracedSchema,
});
export const readHeaderSchema = z.object({ reads: z.array(readSchema).min(1) });
export type HopRead = z.infer<typeof readSchema>;
export type Freshness = Pick<HopRead, keyof typeof freshnessSchema>;
export type ReadHeader = z.infer<typeof readHeaderSchema>;

/** Where the replica that answered stands. */
export const standingSchema = z.object({
  shard: z.number().int(),
  position: positionSchema,
  /** Nothing up to `position` is provisional. */
  settled: z.boolean().optional(),
  lagOps: z.number().optional(),
  lagMs: z.number().optional(),
});
export type Standing = z.infer<typeof standingSchema>;

const entryHeadSchema = z.object({
  version: z.string(),
  type: z.string(),
  bytes: z.number().int().min(0),
  /** Milliseconds since the Unix epoch. */
  expiresAt: z.number().optional(),
});

/** Where the replica stood when it read this, of a read that waited; others are of `standings`. */
const readAtSchema = { standing: standingSchema.optional() };

export const readResultSchema = z.union([
  z.object({
    error: z.enum(errorCodes),
    detail: z.string(),
    /** `too-stale`: how stale the replica is, milliseconds; absent when it doesn't know. */
    stalenessMs: z.number().optional(),
    lost: lostPositionSchema.optional(),
  }),
  /** `version` of a deletion or of what has expired; absent when there is nothing. */
  z.object({ found: z.literal(false), version: z.string().optional(), ...readAtSchema }),
  entryHeadSchema.extend({ found: z.literal(true), ...readAtSchema }),
]);
export type ReadResult = z.infer<typeof readResultSchema>;

export const readAnswerSchema = z.object({
  node: z.string(),
  /** Of each shard asked for, when the request came. */
  standings: z.array(standingSchema),
  /** In the order of the request's reads. */
  results: z.array(readResultSchema),
});
export type ReadAnswer = z.infer<typeof readAnswerSchema>;

export const listHeaderSchema = z.object({
  shard: z.number().int().min(0),
  ...freshnessSchema,
  prefix: z.string(),
  /** Only keys after this one, in byte order; empty for the start. */
  after: z.string(),
  limit: z.number().int().min(1),
  /** Without values every entry has its `bytes`, but none follow in the body. */
  values: z.boolean(),
  ...tracedSchema,
});
export type ListHeader = z.infer<typeof listHeaderSchema>;

export const listAnswerSchema = z.object({
  node: z.string(),
  standing: standingSchema,
  entries: z.array(entryHeadSchema.extend({ key: z.string() })),
  /** There may be more entries after the last one here. */
  more: z.boolean(),
});
export type ListAnswer = z.infer<typeof listAnswerSchema>;

export const rowsHeaderSchema = z.object({ keys: z.array(z.string()) });
export type RowsHeader = z.infer<typeof rowsHeaderSchema>;

/** A row as replicas must agree on it. */
export const rowSchema = z.object({
  key: z.string(),
  version: positionSchema,
  tombstone: z.boolean(),
  type: z.string(),
  expiresAt: z.number().nullable(),
  bytes: z.number().int().min(0),
});
export type Row = z.infer<typeof rowSchema>;

export const rowsAnswerSchema = z.object({
  position: positionSchema,
  /** The last record that removed rows for good: a key without a row may have lost it there. */
  collectedSeq: z.number().int().min(0).default(0),
  rows: z.array(rowSchema),
});
export type RowsAnswer = z.infer<typeof rowsAnswerSchema>;

export const epochStartSchema = z.object({
  epoch: z.number().int(),
  firstSeq: z.number().int(),
  /** When the stream that it began on was created. */
  stream: z.string().optional(),
});
/** Where an epoch began; it ended one before the next one's first seq. */
export type EpochStart = z.infer<typeof epochStartSchema>;

export const logAnswerSchema = z.object({
  applied: positionSchema,
  /** Up to here the log is confirmed; nothing past it is in the answer. */
  confirmedSeq: z.number().int(),
  /** First seq that the log still holds; absent when the log is empty. */
  firstSeq: z.number().int().optional(),
  epochs: z.array(epochStartSchema),
  /** The replica has lost nothing that it ever had: what it says counts for a majority. */
  counts: z.boolean().default(true),
  /** Length of each event in the body, in bytes. */
  events: z.array(z.number().int().positive()),
});
export type LogAnswer = z.infer<typeof logAnswerSchema>;

export const dumpHeadSchema = z.object({
  node: z.string(),
  shard: z.number().int(),
  position: positionSchema,
  root: z.string(),
});
export type DumpHead = z.infer<typeof dumpHeadSchema>;
/** The value in base64; all rows, tombstones too, in key order. */
export const dumpRowSchema = rowSchema.omit({ bytes: true }).extend({ value: z.string() });
export type DumpRow = z.infer<typeof dumpRowSchema>;

/** What a scrub finds wrong makes the replica `drifted`, and a leader hand over before it is healed. */
export const scrubHeaderSchema = z.object({
  /** Only these; absent: all. */
  buckets: z.array(z.number().int().min(0)).optional(),
});
export type ScrubHeader = z.infer<typeof scrubHeaderSchema>;

export const scrubAnswerSchema = z.object({
  node: z.string(),
  shard: z.number().int(),
  position: positionSchema,
  entries: z.number().int(),
  /** Root kept with the state, root of the rows' bytes, root of the tree's leaves: equal when sound. */
  keptRoot: z.string(),
  rowsRoot: z.string(),
  leavesRoot: z.string(),
  corruptKeys: z.array(z.string()),
  sound: z.boolean(),
});
export type ScrubAnswer = z.infer<typeof scrubAnswerSchema>;
