/**
 * How replicas compare and heal (anti-entropy/src/core/SPEC.md), as part of the hop (hop.ts). Digests are 32
 * hexadecimal digits in JSON, 16 bytes in frames.
 *
 *     POST /node/v1/shards/{n}/capture    JSON: CaptureHeader   → JSON: CaptureAnswer
 *     POST /node/v1/shards/{n}/nodes      JSON: NodesHeader     → frame: NodesAnswer + 16 bytes a node
 *     POST /node/v1/shards/{n}/buckets    JSON: BucketsHeader   → frame: BucketsAnswer + 24 bytes a row
 *     POST /node/v1/shards/{n}/heads      JSON: HeadsHeader     → JSON: HeadsAnswer
 *     POST /node/v1/shards/{n}/fetch      JSON: FetchHeader     → frame: FetchAnswer + values
 *     POST /node/v1/shards/{n}/exchange   JSON: ExchangeHeader  → JSON: ExchangeAnswer
 *     POST /node/v1/shards/{n}/restore                          → 202, JSON: {}
 *     POST /node/v1/shards/{n}/verified   JSON: VerifiedHeader  → JSON: {}
 *     POST /node/v1/shards/{n}/inject     JSON: InjectHeader    → JSON: InjectAnswer; off unless configured
 */
import { z } from 'zod';
import { rowSchema } from './hop.ts';
import { bucketCount } from './keys.ts';
import { positionSchema } from './position.ts';

const hexDigest = z.string().regex(/^[0-9a-f]{32}$/, { message: 'A digest has 32 hexadecimal digits.' });
const bucket = z
  .number()
  .int()
  .min(0)
  .max(bucketCount - 1);

/**
 * What an exchange asks of a peer; a replica answers whatever its health is, for the asker judges by
 * itself.
 */
export const exchangeQuestions = ['capture', 'nodes', 'buckets', 'heads', 'fetch'] as const;
export type ExchangeQuestion = (typeof exchangeQuestions)[number];

/** Leaves are captured at the first commit at or past `atSeq`: the same one on every replica. */
export const captureHeaderSchema = z.object({
  atSeq: z.number().int().min(0),
  /** How long the replica may wait to get there, milliseconds. */
  waitMs: z.number().min(0),
});
export type CaptureHeader = z.infer<typeof captureHeaderSchema>;

export const captureAnswerSchema = z.discriminatedUnion('captured', [
  z.object({
    captured: z.literal(true),
    /** Names the capture in later questions; the replica keeps it for a while. */
    id: z.string(),
    position: positionSchema,
    /** XOR of the captured leaves. */
    root: hexDigest,
    /** Merkle root of the captured leaves: equal exactly when all leaves are equal. */
    tree: hexDigest,
    /** `root ^ root stamped by the leader` at the position: zero when the tree is what it must be. */
    drift: hexDigest,
  }),
  z.object({
    captured: z.literal(false),
    /** `passed`: it stood past `atSeq` already; `not-reached`: it did not come there in time. */
    reason: z.enum(['passed', 'not-reached', 'unavailable']),
    /** Where it stands now. */
    position: positionSchema,
  }),
]);
export type CaptureAnswer = z.infer<typeof captureAnswerSchema>;

export const nodesHeaderSchema = z.object({
  capture: z.string(),
  level: z.number().int().min(0).max(3),
  indexes: z.array(z.number().int().min(0)).max(bucketCount),
});
export type NodesHeader = z.infer<typeof nodesHeaderSchema>;
export const nodesAnswerSchema = z.object({ count: z.number().int() });

/**
 * What a replica's rows of some buckets are now, without those written after `throughSeq`. A row of a seq
 * that the replica has not reached was not written by any operation that it applied: it is listed.
 */
export const bucketsHeaderSchema = z.object({
  buckets: z.array(bucket).max(bucketCount),
  throughSeq: z.number().int(),
  /** Digests are recomputed from the rows' bytes; else those kept beside the rows are believed. */
  audit: z.boolean().default(true),
});
export type BucketsHeader = z.infer<typeof bucketsHeaderSchema>;

/** In the body, row after row: `rowHash` of the key (8), digest (16); a bucket's in the order of bytes. */
export const bucketsAnswerSchema = z.object({
  buckets: z.array(
    z.object({
      bucket,
      /** Rows in the body. */
      rows: z.number().int(),
      /** All rows together have the leaf; in an audit, each row's bytes also the digest kept beside them. */
      sound: z.boolean(),
    }),
  ),
});

/** Names of rows: 16 hexadecimal digits (`rowHash`), by bucket. */
export const headsHeaderSchema = z.object({
  wanted: z.array(z.object({ bucket, hashes: z.array(z.string().regex(/^[0-9a-f]{16}$/)) })),
});
export type HeadsHeader = z.infer<typeof headsHeaderSchema>;

export const rowHeadSchema = z.object({
  key: z.string(),
  version: positionSchema,
  /** Of the row's bytes as they are. */
  digest: hexDigest,
  /** The digest kept beside the row is that of its bytes. */
  sound: z.boolean(),
  tombstone: z.boolean(),
  bytes: z.number().int().min(0),
});
export type RowHead = z.infer<typeof rowHeadSchema>;
export const headsAnswerSchema = z.object({
  /** Where the replica stood when it looked. */
  position: positionSchema,
  /** Newest operation that took rows away (tombstones, expired values): what is gone may be gone by that. */
  collectedSeq: z.number().int().min(0),
  rows: z.array(rowHeadSchema),
});

/** Rows as they are now, those left out whose bytes don't have their digest: the asker knows the digests. */
export const fetchHeaderSchema = z.object({ keys: z.array(z.string()) });
export type FetchHeader = z.infer<typeof fetchHeaderSchema>;
export const fetchAnswerSchema = z.object({ rows: z.array(rowSchema) });

export const exchangeModes = ['diff', 'heal'] as const;
export const exchangeHeaderSchema = z.object({
  /** The peer to compare with. */
  with: z.string(),
  /** `diff` changes nothing. `heal` repairs the replica that is asked, never the peer. */
  mode: z.enum(exchangeModes),
  /** `bucket` replaces whole buckets where `key` did not lead to equal leaves. */
  rung: z.enum(['key', 'bucket']).default('key'),
  /** Looked at besides those that the trees tell. */
  buckets: z.array(bucket).default([]),
  /** Most keys and bytes of values that are repaired; what is left is told. */
  keysMax: z.number().int().positive(),
  bytesMax: z.number().int().positive(),
});
export type ExchangeHeader = z.infer<typeof exchangeHeaderSchema>;

/**
 * What is done with a key that differs, on the replica that is asked: `take` the peer's row, `remove` a row
 * that should not be there, `keep` (the peer is wrong), `wait` (written since the capture), `undecided`
 * (nothing tells who is right), `stopped` (healed too often).
 */
export const differenceActions = ['take', 'remove', 'keep', 'wait', 'undecided', 'stopped'] as const;
export type DifferenceAction = (typeof differenceActions)[number];
export const differenceSchema = z.object({
  key: z.string(),
  bucket,
  ours: rowHeadSchema.omit({ key: true }).optional(),
  theirs: rowHeadSchema.omit({ key: true }).optional(),
  action: z.enum(differenceActions),
  /** A sentence for people. */
  reason: z.string(),
});
export type Difference = z.infer<typeof differenceSchema>;

export const comparisonOutcomes = ['equal', 'different', 'not-comparable'] as const;
export type ComparisonOutcome = (typeof comparisonOutcomes)[number];

/** What the last comparison found and nothing was done about since; all zero when equal. */
export const exchangeLeftSchema = z.object({
  /** Rows of ours to take or remove: a `diff` leaves them all, a `heal` those of its last comparison. */
  repair: z.number().int(),
  /** The same, but past the budget of keys or bytes. */
  budget: z.number().int(),
  keep: z.number().int(),
  /** Written since the capture; or, when it was to be repaired, not found as listed any more. */
  wait: z.number().int(),
  undecided: z.number().int(),
  stopped: z.number().int(),
  /** Buckets whose rows are equal and whose leaf, or a digest beside a row, is not: ours and the peer's. */
  ourLeaves: z.number().int(),
  theirLeaves: z.number().int(),
});
export type ExchangeLeft = z.infer<typeof exchangeLeftSchema>;

export const exchangeAnswerSchema = z.object({
  node: z.string(),
  with: z.string(),
  shard: z.number().int(),
  /** At the end: after healing, of a comparison made since. */
  outcome: z.enum(comparisonOutcomes),
  /** Of `not-comparable`, and of `different` where something was left: a sentence for people. */
  reason: z.string().optional(),
  /** Where both were compared last, and the roots there; absent when they could not be. */
  position: positionSchema.optional(),
  root: hexDigest.optional(),
  theirRoot: hexDigest.optional(),
  /** What was found, healed or not, the first of it; and what had to wait in the end. */
  differences: z.array(differenceSchema),
  counts: z.object({
    /** Keys that differed, without those that had to wait; at least so many where not all were looked at. */
    found: z.number().int(),
    /** Rows compared one by one. */
    compared: z.number().int(),
    healed: z.number().int(),
    /** Leaves rebuilt from rows. */
    leaves: z.number().int(),
    /** Bytes that the peer sent, and of them those of values. */
    bytesReceived: z.number().int(),
    bytesShipped: z.number().int(),
  }),
  left: exchangeLeftSchema,
  tookMs: z.number(),
});
export type ExchangeAnswer = z.infer<typeof exchangeAnswerSchema>;

/** Every configured member was proven equal at this position. */
export const verifiedHeaderSchema = z.object({ position: positionSchema, members: z.array(z.string()) });
export type VerifiedHeader = z.infer<typeof verifiedHeaderSchema>;

export const injectKinds = [
  'flip-value',
  'drop-row',
  'alien-row',
  'rewind-cursor',
  'skip-event',
  'spoil-tree',
] as const;
export const injectHeaderSchema = z.object({
  kind: z.enum(injectKinds),
  /** Where it matters; any key by default. */
  key: z.string().optional(),
  /** Rows, batches or leaves that it meets. */
  count: z.number().int().positive().default(1),
});
export type InjectHeader = z.infer<typeof injectHeaderSchema>;
export const injectAnswerSchema = z.object({
  node: z.string(),
  shard: z.number().int(),
  kind: z.enum(injectKinds),
  keys: z.array(z.string()),
});
export type InjectAnswer = z.infer<typeof injectAnswerSchema>;
