/** The header of an event (envelope.ts): its schema, and a short way past it for what is plain (plain.ts). */
import { z } from 'zod';
import { collectedEntriesMax } from './limits.ts';
import { hasMembers, isFilled, isText, isWhole, type Members } from './plain.ts';
import { positionSchema } from './position.ts';

export const formats = [1, 2] as const;
export type Format = (typeof formats)[number];

/**
 * The first answer to a request that carried an `Idempotency-Key`; it rides in the event to survive failover.
 */
export const recordedAnswerSchema = z.object({
  /** The client's `Idempotency-Key`. */
  id: z.string().min(1),
  /** Hash of what was asked, so that a key used for something else is refused. */
  fingerprint: z.string(),
  /** The result as the node answered it. */
  result: z.record(z.string(), z.unknown()),
});
export type RecordedAnswer = z.infer<typeof recordedAnswerSchema>;

const replicaSetSchema = z.array(z.string().min(1)).min(1);

export const operationHeaderSchema = z.discriminatedUnion('op', [
  z.object({
    op: z.literal('put'),
    key: z.string().min(1),
    bytes: z.number().int().min(0),
    type: z.string(),
    expiresAt: z.number().int().nullable().default(null),
    answer: recordedAnswerSchema.optional(),
  }),
  z.object({ op: z.literal('delete'), key: z.string().min(1), answer: recordedAnswerSchema.optional() }),
  z.object({ op: z.literal('answer'), answer: recordedAnswerSchema }),
  z.object({
    op: z.literal('epoch-started'),
    node: z.string().min(1),
    stream: z.string().optional(),
    previous: z.number().int().min(0).optional(),
    members: replicaSetSchema.optional(),
  }),
  z.object({ op: z.literal('members-changed'), members: replicaSetSchema }),
  z.object({
    op: z.literal('collected'),
    entries: z
      .array(z.object({ key: z.string().min(1), version: positionSchema }))
      .min(1)
      .max(collectedEntriesMax),
  }),
]);

const hexDigits = /^[0-9a-f]{32}$/;
const hexDigest = z.string().regex(hexDigits);

export const envelopeHeaderSchema = z.object({
  format: z.literal(formats),
  shard: z.number().int().min(0),
  epoch: z.number().int().min(1),
  firstSeq: z.number().int().min(1),
  ops: z.array(operationHeaderSchema).min(1),
  committedAt: z.number().int(),
  prevRoot: hexDigest,
  postRoot: hexDigest,
});

/** Before defaults are filled in, which is what a plain one is. */
export type OperationHeader = z.input<typeof operationHeaderSchema>;
export type EnvelopeHeader = Omit<z.output<typeof envelopeHeaderSchema>, 'ops'> & { ops: OperationHeader[] };

/** As the schema takes it, without defaults. Throws `ZodError`. */
export function envelopeHeaderOf(raw: unknown): EnvelopeHeader {
  if (!isPlainHeader(raw)) return envelopeHeaderSchema.parse(raw);
  const { ops } = raw;
  if (ops.every(isPlainOperation)) return raw as EnvelopeHeader;
  return { ...raw, ops: ops.map((op) => (isPlainOperation(op) ? op : operationHeaderSchema.parse(op))) };
}

function isPlainHeader(raw: unknown): raw is Omit<EnvelopeHeader, 'ops'> & { ops: unknown[] } {
  if (!hasMembers(raw, 8)) return false;
  const { format, shard, epoch, firstSeq, ops, committedAt, prevRoot, postRoot } = raw;
  const isKnown = format === 1 || format === 2;
  const isPlaced = isWhole(shard, 0) && isWhole(epoch, 1) && isWhole(firstSeq, 1);
  const hasRoots = isHexDigest(prevRoot) && isHexDigest(postRoot);
  return isKnown && isPlaced && hasRoots && Number.isSafeInteger(committedAt) && isFilled(ops);
}

function isPlainOperation(raw: unknown): raw is OperationHeader {
  if (hasMembers(raw, 4)) return isPut(raw);
  if (hasMembers(raw, 5)) return isPut(raw) && Number.isSafeInteger(raw.expiresAt);
  return hasMembers(raw, 2) && raw.op === 'delete' && isText(raw.key, 1);
}

function isPut({ op, key, bytes, type }: Members): boolean {
  return op === 'put' && isText(key, 1) && isWhole(bytes, 0) && isText(type, 0);
}

function isHexDigest(value: unknown): boolean {
  return typeof value === 'string' && hexDigits.test(value);
}
