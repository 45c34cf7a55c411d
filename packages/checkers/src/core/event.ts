/**
 * A history as a file: NDJSON, one event a line, in the order in which they were recorded. What clients did
 * stands in it as in Jepsen's histories: an `invoke`, and later its end.
 *
 *     {"type":"history","format":1,"shards":4}
 *     {"type":"invoke","id":1,"at":12.5,"process":"c1","operation":"put","key":"k","value":"7"}
 *     {"type":"ok","id":1,"at":14.1,"node":"node-2","version":"3-120"}
 *
 * The end is `ok` (answered), `fail` (certainly not done) or `info` (nobody knows: it may take effect at
 * any later time, or never). An `invoke` without an end is `info` too, so a recorder that was killed leaves
 * a file that can be judged. Beside that stand observations of nodes (`observed`, `applied`, `epoch`,
 * `log`, `collected`), full contents (`dump` with its `row`s) and what was broken on purpose (`fault`).
 *
 * Rules for recorders, without which no checker can be exact: an `invoke` is written before the request is
 * sent; `at` is in milliseconds of one monotonic clock for the whole file; the values that are put under a
 * key are unique; keys begin absent; a retry under the same `Idempotency-Key` is the same operation; `fail`
 * is only what certainly has no effect, now and later. Values are texts, compared as they are: a recorder
 * may put a hash in place of a large value, as long as it does so everywhere.
 *
 * Version log: 1 — first format; a checker refuses a file with a type of event that it doesn't know.
 */
import {
  ackLevelSchema,
  formatPosition,
  type Position,
  parsePosition,
  positionSchema,
  readLevelSchema,
} from '@driftless/contracts';
import { z } from 'zod';

export const historyFormat = 1;

/** `3-120` in the file, a `Position` in memory. */
const positionText = z.codec(z.string(), positionSchema, {
  decode: (text, context): Position => {
    const position = parsePosition(text);
    if (position) return position;
    context.issues.push({ code: 'custom', input: text, message: 'is no position like "3-120"' });
    return z.NEVER;
  },
  encode: formatPosition,
});

/** What a fault may take away for good; it decides which ack levels must survive (durability.ts). */
export const lossSchema = z.enum(['leader', 'stream', 'majority', 'everything']);
export type Loss = z.infer<typeof lossSchema>;

const at = z.number();
const id = z.union([z.number().int(), z.string()]);
const shard = z.number().int().min(0);
const node = z.string().min(1);
const seq = z.number().int().min(1);
const epoch = z.number().int().min(1);

const invoked = {
  type: z.literal('invoke'),
  id,
  at,
  /** Who asks: a client, a thread. */
  process: z.string(),
  /** The session whose token was sent and taken back. */
  session: z.string().optional(),
};
/** Versions as `If-Match` takes them, or `*` for any. */
const versions = z.union([z.literal('*'), z.array(positionText).min(1)]);
const write = {
  ...invoked,
  key: z.string(),
  /** Absent: the cluster's default, `stream`. */
  ack: ackLevelSchema.optional(),
  ifMatch: versions.optional(),
  ifNoneMatch: versions.optional(),
};
const read = { ...invoked, consistency: readLevelSchema.optional() };

const invokeSchema = z.discriminatedUnion('operation', [
  z.strictObject({
    ...write,
    operation: z.literal('put'),
    value: z.string(),
    /** Time to live, milliseconds. */
    ttlMs: z.number().positive().optional(),
  }),
  z.strictObject({ ...write, operation: z.literal('delete') }),
  z.strictObject({ ...write, operation: z.literal('increment'), by: z.number().int() }),
  z.strictObject({ ...read, operation: z.literal('get'), key: z.string() }),
  z.strictObject({ ...read, operation: z.literal('list'), prefix: z.string() }),
]);
export type InvokeEvent = z.infer<typeof invokeSchema>;

const okSchema = z.strictObject({
  type: z.literal('ok'),
  id,
  at,
  /** Node that served it. */
  node: node.optional(),
  /** Version that was written or read. */
  version: positionText.optional(),
  /** Where the replica that answered stood. */
  position: positionText.optional(),
  /** `get`: what was read, null when there was nothing. `increment`: the counter's new value. */
  value: z.string().nullable().optional(),
  /** `list`: what was listed. Keys that are missing in it are no evidence. */
  entries: z
    .array(z.strictObject({ key: z.string(), version: positionText.optional(), value: z.string() }))
    .optional(),
});

const unanswered = {
  id,
  at,
  /** A code of the closed list (contracts, errors.ts), as the problem told it. */
  error: z.string().optional(),
  status: z.number().int().optional(),
};
const failSchema = z.strictObject({ type: z.literal('fail'), ...unanswered });
const infoSchema = z.strictObject({
  type: z.literal('info'),
  ...unanswered,
  /** Of a write that is stored but was not confirmed in time. */
  version: positionText.optional(),
});
export type EndEvent = z.infer<typeof okSchema> | z.infer<typeof failSchema> | z.infer<typeof infoSchema>;

const rowState = {
  key: z.string(),
  version: positionText,
  /** Null: a tombstone. */
  value: z.string().nullable(),
};

export const historyEventSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('history'),
    format: z.literal(historyFormat),
    /** How many shards the cluster has. Without it, only versions of the same key are compared. */
    shards: z.number().int().min(1).optional(),
    /** For people: what was run, and when by the wall clock. */
    note: z.string().optional(),
  }),
  /** A recorder went on with a file: what was open before stays open, and ids begin anew. */
  z.strictObject({ type: z.literal('resumed'), at }),
  invokeSchema,
  okSchema,
  failSchema,
  infoSchema,
  /** A node held this state of a key at this time. */
  z.strictObject({ type: z.literal('observed'), at, node, ...rowState }),
  /** A node had applied a shard up to here. */
  z.strictObject({
    type: z.literal('applied'),
    at,
    node,
    shard,
    position: positionText,
    root: z.string().optional(),
  }),
  /** Where an epoch begins, as a node has it in its history. */
  z.strictObject({
    type: z.literal('epoch'),
    at,
    node,
    shard,
    epoch,
    firstSeq: seq,
    leader: z.string().optional(),
  }),
  /** A batch in a node's log, in the log's order. */
  z.strictObject({
    type: z.literal('log'),
    at,
    node,
    shard,
    epoch,
    firstSeq: seq,
    lastSeq: seq,
    /** Hash of the batch's bytes. */
    digest: z.string().optional(),
  }),
  /**
   * Rows that a record in the log removed for good, when the first replica had that record; `members` had to
   * have them before. Of use only where the recorder sees whatever a replica has on disk (`applied`).
   */
  z.strictObject({
    type: z.literal('collected'),
    at,
    node,
    shard,
    position: positionText,
    members: z.array(node),
    rows: z.array(z.strictObject({ key: z.string(), version: positionText })),
  }),
  /** Full contents of a replica, `rows` lines of type `row` follow. Without `shard`: of all shards. */
  z.strictObject({
    type: z.literal('dump'),
    id,
    at,
    node,
    shard: shard.optional(),
    /** Taken when the cluster had converged, or had been given the time to. */
    final: z.boolean(),
    position: positionText.optional(),
    root: z.string().optional(),
    rows: z.number().int().min(0),
  }),
  z.strictObject({ type: z.literal('row'), dump: id, ...rowState }),
  z.strictObject({
    type: z.literal('fault'),
    at,
    phase: z.enum(['begin', 'end']),
    fault: z.string(),
    takes: z.array(lossSchema).optional(),
  }),
]);
export type HistoryEvent = z.infer<typeof historyEventSchema>;
export type HistoryEventOf<Type extends HistoryEvent['type']> = Extract<HistoryEvent, { type: Type }>;

/** The line of an event, with its line break. Throws when the event is not one. */
export function encodeEvent(event: HistoryEvent): string {
  return `${JSON.stringify(z.encode(historyEventSchema, event))}\n`;
}

/** The event in a line; what is wrong with it as a sentence when there is none. */
export function decodeEvent(line: string): HistoryEvent | { problem: string } {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return { problem: 'is not JSON' };
  }
  const result = historyEventSchema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  return { problem: `is no event: ${issue?.path.join('.') || 'line'}: ${issue?.message}` };
}
