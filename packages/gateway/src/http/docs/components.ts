/** Shared parts of the OpenAPI document. Schemas come from the zod schemas that the gateway checks with. */
import {
  ackLevelDefault,
  ackLevelSchema,
  antiEntropyViewSchema,
  batchAnswerSchema,
  batchBodySchema,
  clusterViewSchema,
  counterSchema,
  dataBodySchema,
  dataSchema,
  exchangeAnswerSchema,
  idempotencyKeyCharsMax,
  incrementBodySchema,
  injectAnswerSchema,
  injectBodySchema,
  keyBytesMax,
  listLimitDefault,
  listLimitMax,
  listSchema,
  membersViewSchema,
  movedLeaderSchema,
  moveLeaderBodySchema,
  orphanListSchema,
  problemSchema,
  readLevelDefault,
  readLevelSchema,
  replaceMemberBodySchema,
  reservedPrefix,
  runAnswerSchema,
  runBodySchema,
  shardViewSchema,
  stalenessMsMax,
  ttlSecondsMax,
  watchedChangeSchema,
  writtenSchema,
} from '@driftless/contracts';
import { z } from 'zod';

const levels =
  'How fresh the answer must be: `eventual` any healthy replica; `session` one that has applied what ' +
  '`Driftless-Session` has seen; `bounded` one whose measured staleness is within `maxStalenessMs`; ' +
  '`leader` the confirmed state of the leader under a live lease; `strong` linearizable, by a round trip ' +
  'through the stream more. ' +
  'A listing is as fresh as that in each shard by itself.';

function outputOf(schema: z.ZodType): object {
  return jsonSchemaOf(schema, 'output');
}

function inputOf(schema: z.ZodType): object {
  return jsonSchemaOf(schema, 'input');
}

function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, $defs: __, ...own } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return withoutDefinitions(own) as object;
}

/** "Any JSON" is recursive in zod and gets a definition of its own; here it is the schema that allows all. */
function withoutDefinitions(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutDefinitions);
  if (typeof node !== 'object' || node === null) return node;
  if ('$ref' in node && String(node.$ref).startsWith('#/$defs/')) return { description: 'Any JSON value' };
  return Object.fromEntries(Object.entries(node).map(([name, value]) => [name, withoutDefinitions(value)]));
}

const schemas = {
  Problem: outputOf(problemSchema),
  Written: outputOf(writtenSchema),
  List: outputOf(listSchema),
  WatchedChange: outputOf(watchedChangeSchema),
  BatchBody: inputOf(batchBodySchema),
  BatchAnswer: outputOf(batchAnswerSchema),
  IncrementBody: inputOf(incrementBodySchema),
  Counter: outputOf(counterSchema),
  SeedCounter: outputOf(z.object({ value: z.number(), counter: z.number() })),
  DataBody: inputOf(dataBodySchema),
  Data: outputOf(dataSchema),
  ClusterView: outputOf(clusterViewSchema),
  ShardView: outputOf(shardViewSchema),
  ShardDiff: outputOf(exchangeAnswerSchema),
  InjectBody: inputOf(injectBodySchema),
  Injected: outputOf(injectAnswerSchema),
  AntiEntropyView: outputOf(antiEntropyViewSchema),
  RunBody: inputOf(runBodySchema),
  RunAnswer: outputOf(runAnswerSchema),
  MoveLeaderBody: inputOf(moveLeaderBodySchema),
  MovedLeader: outputOf(movedLeaderSchema),
  MembersView: outputOf(membersViewSchema),
  ReplaceMemberBody: inputOf(replaceMemberBodySchema),
  OrphanList: outputOf(orphanListSchema),
  Health: outputOf(z.object({ status: z.string(), reason: z.string().optional() })),
};

function path(name: string, description: string, schema: object) {
  return { name, in: 'path', required: true, description, schema };
}

function query(name: string, description: string, schema: object, required = false) {
  return { name, in: 'query', description, schema, ...(required && { required }) };
}

function requestHeader(name: string, description: string, schema: object, example?: string) {
  return { name, in: 'header', description, schema, ...(example && { example }) };
}

const keyDescription =
  `1–${keyBytesMax} bytes of UTF-8, not beginning with ${reservedPrefix}. ` +
  'Percent-encode what a URL gives a meaning to; it is decoded once. A slash may stand as it is or as %2F.';

const parameters = {
  Key: path('key', keyDescription, { type: 'string', minLength: 1 }),
  Shard: path('n', 'Number of the shard, from 0', { type: 'integer', minimum: 0 }),
  ReplicaA: query('a', 'Node whose replica is compared', { type: 'string' }, true),
  ReplicaB: query('b', 'Node with whose replica it is compared', { type: 'string' }, true),
  Node: path('node', 'Id of a node', { type: 'string' }),
  OrphanShard: path('shard', 'Number of the shard, from 0', { type: 'integer', minimum: 0 }),
  Version: path('version', 'Version of the orphan, as it is listed', { type: 'string' }),
  Ack: query('ack', 'How safe the write must be before it is answered', {
    type: 'string',
    enum: ackLevelSchema.options,
    default: ackLevelDefault,
  }),
  Ttl: query('ttl', 'Time to live, in seconds', { type: 'integer', minimum: 1, maximum: ttlSecondsMax }),
  Consistency: query('consistency', levels, {
    type: 'string',
    enum: readLevelSchema.options,
    default: readLevelDefault,
  }),
  MaxStalenessMs: query('maxStalenessMs', 'With `consistency=bounded`: the largest staleness, milliseconds', {
    type: 'integer',
    minimum: 0,
    maximum: stalenessMsMax,
  }),
  Prefix: query('prefix', 'Only keys that begin with this', { type: 'string', default: '' }),
  Limit: query('limit', 'Most entries in the page', {
    type: 'integer',
    minimum: 1,
    maximum: listLimitMax,
    default: listLimitDefault,
  }),
  Cursor: query('cursor', '`next` of the page before, of the same prefix', { type: 'string' }),
  After: query('after', 'Resume token, for clients that cannot send `Last-Event-ID`, which comes first', {
    type: 'string',
  }),
  LastEventId: requestHeader('Last-Event-ID', 'Resume token: `id` of the last event that was seen', {
    type: 'string',
  }),
  Values: query('values', 'Whether entries carry their values', {
    type: 'string',
    enum: ['true', 'false'],
    default: 'true',
  }),
  IfMatch: requestHeader(
    'If-Match',
    'Only if the key is at one of these versions; `*`: only if it exists. Weak tags never match.',
    { type: 'string' },
    '"3-120"',
  ),
  IfNoneMatch: requestHeader(
    'If-None-Match',
    'A write: only if the key is at none of these versions; `*`: only if it does not exist. ' +
      'A read: 304 when it is at one of them.',
    { type: 'string' },
    '*',
  ),
  Session: requestHeader(
    'Driftless-Session',
    'The token of the answer before; several are taken together, with commas. A read with ' +
      '`consistency=session` and a write come after what the session has seen.',
    { type: 'string' },
    'AfHhPqV0JZ0dGr5n1l8wbUEAA3k',
  ),
  IdempotencyKey: requestHeader(
    'Idempotency-Key',
    'The first answer under this key is kept, and given again to a retry of the same request.',
    { type: 'string', minLength: 1, maxLength: idempotencyKeyCharsMax, pattern: '^[!-~]+$' },
  ),
};

function answerHeader(description: string, type: string, example: string | number) {
  return { description, schema: { type }, example };
}

const headers = {
  ETag: answerHeader('Version of the value: epoch and seq of the write, in quotes', 'string', '"3-120"'),
  'Driftless-Node': answerHeader('Node that answered; of a listing, all of them', 'string', 'node-1'),
  'Driftless-Position': answerHeader(
    'Where its replica of the shard stands; of a listing, `shard:position` of each',
    'string',
    '3-121',
  ),
  'Driftless-Lag-Ms': answerHeader(
    'Age of the oldest operation that it has not applied, milliseconds; absent when unknown',
    'integer',
    0,
  ),
  'Driftless-Lag-Ops': answerHeader('Operations it has not applied; absent when unknown', 'integer', 0),
  'Driftless-Session': answerHeader(
    'Token of what the session has seen up to this answer; opaque, at most 1 KiB for 64 shards',
    'string',
    'AfHhPqV0JZ0dGr5n1l8wbUEAA3k',
  ),
  traceresponse: answerHeader(
    'The trace of this request, where it is sampled (`traceparent`, W3C Trace Context, decides or chance)',
    'string',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  ),
  'Retry-After': answerHeader('Seconds to wait before the next attempt', 'integer', 1),
};

export const components = { schemas, parameters, headers };
