/**
 * `POST /v1/batch`: many operations in one request. Each stands alone: one that is refused doesn't stop the
 * others. Those on keys of one shard are done in their order.
 *
 * Values are parts of a JSON document here, so they are written anew (`1.0` becomes `1`); who needs every
 * byte kept puts them one by one, or gives `valueBase64`.
 */
import { Buffer } from 'node:buffer';
import {
  type BatchAnswer,
  type BatchOperation,
  batchBodySchema,
  DriftlessError,
  jsonDepthMax,
  parsePosition,
  requestBytesMax,
  valueBytesMax,
  type WriteOperation,
  type WriteResult,
} from '@driftless/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { parseIfMatch, parseIfNoneMatch, type Versions } from '../core/conditions.ts';
import { batchIdempotencyKey, checkedIdempotencyKey, fingerprintOf } from '../core/idempotency.ts';
import { isJsonType, isTextType, jsonContentType, jsonProblem } from '../core/json-value.ts';
import { plainPutsOf } from '../core/plain-batch.ts';
import { checkedKey, queryOfTarget } from '../core/target.ts';
import type { Write } from '../hop/pending-write.ts';
import type { Store } from '../hop/store.ts';
import type { Api } from './api.ts';
import { batchDocs } from './docs/batch.ts';
import { parseDocument } from './document.ts';
import { ackOf, checkedContentType, documentOf } from './exchange.ts';
import type { Parts } from './keys.ts';
import { gatewayProblem, RefusedWrite } from './problem.ts';
import type { Sessions } from './sessions.ts';

type Result = BatchAnswer['results'][number];

/** Levels of the batch's own document around a value. */
const depthAround = 3;
const noBytes = new Uint8Array(0);

export function serveBatch(api: Api, store: Store, sessions: Sessions): void {
  const parts = { store, sessions };
  api.route({
    method: 'POST',
    url: '/v1/batch',
    bodyLimit: requestBytesMax,
    config: batchDocs,
    handler: (request, reply) => batch(parts, request, reply),
  });
}

async function batch(
  { store, sessions }: Parts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const ack = ackOf(queryOfTarget(request.url, ['ack']).ack);
  const header = request.headers['idempotency-key'];
  const id = header === undefined ? undefined : checkedIdempotencyKey(String(header));
  const operations = operationsOf(documentOf(request, jsonDepthMax + depthAround));
  const results: Result[] = [];
  const writes: Write[] = [];
  const indices: number[] = [];
  for (const [index, operation] of operations.entries()) {
    try {
      writes.push(writeOf(operation, id === undefined ? undefined : batchIdempotencyKey(id, index)));
      indices.push(index);
    } catch (error) {
      if (!(error instanceof DriftlessError)) throw error;
      results[index] = problemResult(operation.key, error);
    }
  }
  const session = sessions.of(request);
  const outcomes = await store.writeAll(ack, writes, session, request.span);
  sessions.tell(reply, session);
  for (const [n, outcome] of outcomes.entries()) {
    results[indices[n] as number] = resultOf((writes[n] as Write).operation, outcome);
  }
  return reply.header('content-type', jsonContentType).send(JSON.stringify({ ack, results }));
}

/**
 * The document's operations. Values are taken out before the schema sees them and put back after: they are
 * JSON because they were parsed as JSON, and a schema for "any JSON" would walk and copy every one.
 */
function operationsOf(document: unknown): BatchOperation[] {
  const plain = plainPutsOf(document);
  if (plain !== undefined) return plain;
  const given = (document as { operations?: unknown } | null)?.operations;
  if (!Array.isArray(given)) return parseDocument(batchBodySchema, document).operations;
  const light = given.map((operation: unknown) =>
    hasValue(operation) ? { ...operation, value: null } : operation,
  );
  const { operations } = parseDocument(batchBodySchema, { ...(document as object), operations: light });
  for (const [i, operation] of operations.entries()) {
    if (operation.op === 'put' && hasValue(given[i])) operation.value = given[i].value as never;
  }
  return operations;
}

function hasValue(operation: unknown): operation is { value: unknown } {
  return typeof operation === 'object' && operation !== null && Object.hasOwn(operation, 'value');
}

/** Throws `DriftlessError` on what is wrong with this operation alone. */
function writeOf(operation: BatchOperation, idempotencyKey: string | undefined): Write {
  const key = checkedKey(operation.key);
  const write = bareWrite(operation, key);
  if (operation.op !== 'increment') {
    const { ifMatch, ifNoneMatch } = operation;
    if (ifMatch !== undefined) write.operation.ifMatch = versionsOf(ifMatch, parseIfMatch, 'ifMatch');
    if (ifNoneMatch !== undefined) {
      write.operation.ifNoneMatch = versionsOf(ifNoneMatch, parseIfNoneMatch, 'ifNoneMatch');
    }
  }
  if (idempotencyKey !== undefined) {
    const fingerprint = fingerprintOf([write.operation], write.value);
    write.operation.idempotency = { id: idempotencyKey, fingerprint };
  }
  return write;
}

function bareWrite(operation: BatchOperation, key: string): Write {
  switch (operation.op) {
    case 'delete':
      return { operation: { op: 'delete', key }, value: noBytes };
    case 'increment':
      return { operation: { op: 'increment', key, by: operation.by ?? 1 }, value: noBytes };
    case 'put': {
      const { type, value } = storedForm(operation);
      const put: WriteOperation = { op: 'put', key, bytes: value.length, type };
      if (operation.ttl !== undefined) put.ttlSeconds = operation.ttl;
      return { operation: put, value };
    }
  }
}

function storedForm(operation: BatchOperation & { op: 'put' }): { type: string; value: Uint8Array } {
  const { value, valueBase64, contentType } = operation;
  if ((value === undefined) === (valueBase64 === undefined)) {
    throw new DriftlessError('invalid-value', 'A put has either "value" or "valueBase64".');
  }
  const fallback = valueBase64 === undefined ? jsonContentType : 'application/octet-stream';
  const type = checkedContentType(contentType ?? fallback);
  const bytes = valueBase64 === undefined ? encoded(value, type) : decoded(valueBase64);
  if (bytes.length > valueBytesMax) {
    throw new DriftlessError('value-too-large', `A value has at most ${valueBytesMax} bytes.`);
  }
  // A part of the document is JSON, and no deeper than a value may be: the document was not either.
  const problem = valueBase64 !== undefined && isJsonType(type) ? jsonProblem(bytes) : undefined;
  if (problem !== undefined) throw new DriftlessError('invalid-value', problem);
  return { type, value: bytes };
}

function encoded(value: unknown, type: string): Uint8Array {
  if (isJsonType(type)) return Buffer.from(JSON.stringify(value), 'utf8');
  if (isTextType(type) && typeof value === 'string') return Buffer.from(value, 'utf8');
  throw new DriftlessError('invalid-value', `A value of type ${type} is given as "valueBase64".`);
}

function decoded(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') === text) return bytes;
  throw new DriftlessError('invalid-value', '"valueBase64" is not base64 (RFC 4648 §4, with padding).');
}

/** A bare version is taken too: it is what a result says. */
function versionsOf(text: string, parse: (list: string, name: string) => Versions, name: string): Versions {
  return parsePosition(text) === undefined ? parse(text, name) : [text];
}

function resultOf(operation: WriteOperation, outcome: WriteResult): Result {
  const { key, op } = operation;
  const { error, version, value, created } = outcome;
  if (error !== undefined) return problemResult(key, new RefusedWrite(error, outcome));
  const status = op === 'delete' ? 204 : op === 'put' && created === true ? 201 : 200;
  const result: Result = { status, key };
  if (version !== undefined) result.version = version;
  if (value !== undefined) result.value = value;
  return result;
}

function problemResult(key: string, error: DriftlessError): Result {
  const problem = gatewayProblem(error);
  const version = problem.version === undefined ? {} : { version: problem.version };
  return { status: problem.status, key, ...version, problem };
}
