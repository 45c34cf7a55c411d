/** `PUT | GET | HEAD | DELETE /v1/kv/{key}`: one value, its version, its conditions. */
import { DriftlessError, ttlSecondsMax, valueBytesMax, type WriteOperation } from '@driftless/contracts';
import type { HotRoute } from '@driftless/runtime';
import { entityTag, matches, parseIfMatch, parseIfNoneMatch } from '../core/conditions.ts';
import { checkedIdempotencyKey, fingerprintOf } from '../core/idempotency.ts';
import { isJsonType, jsonContentType, jsonProblem } from '../core/json-value.ts';
import { integerParameter, keyOfTarget, queryOfTarget } from '../core/target.ts';
import type { ReadOutcome } from '../hop/reader.ts';
import type { AskedFreshness, Store } from '../hop/store.ts';
import type { Api } from './api.ts';
import { refusalOfWrite } from './crowd.ts';
import { keyDocs } from './docs/keys.ts';
import {
  type Answering,
  type Asking,
  ackOf,
  answerContentType,
  bytesOf,
  checkedContentType,
  freshnessOf,
  refuseEncoding,
  tellStanding,
  tellWritten,
} from './exchange.ts';
import { RefusedWrite } from './problem.ts';
import type { Sessions } from './sessions.ts';

/** What these routes work with. */
export interface Parts {
  store: Store;
  sessions: Sessions;
}

/** Parameters of every read of a key. */
export const readParameters = ['consistency', 'maxStalenessMs'] as const;

const url = '/v1/kv/*';
/** Path segments before the key. */
const segments = 2;
const noBytes = new Uint8Array(0);

export function serveKeys(api: Api, store: Store, sessions: Sessions): void {
  const parts = { store, sessions };
  const options = { url, bodyLimit: valueBytesMax, config: keyDocs };
  api.route({ ...options, method: 'PUT', handler: (request, reply) => put(parts, request, reply) });
  api.route({ ...options, method: ['GET', 'HEAD'], handler: (request, reply) => get(parts, request, reply) });
  api.route({ ...options, method: 'DELETE', handler: (request, reply) => remove(parts, request, reply) });
}

export function hotKeyRoutes(parts: Parts): HotRoute[] {
  return [
    {
      method: 'PUT',
      url,
      bodyBytesMax: valueBytesMax,
      refusal: (asking) => refusalOfWrite(parts, asking, keyIn),
      handler: (asking, reply) => put(parts, asking, reply),
    },
    { method: 'GET', url, bodyBytesMax: 0, handler: (asking, reply) => get(parts, asking, reply) },
    {
      method: 'DELETE',
      url,
      bodyBytesMax: 0,
      refusal: (asking) => refusalOfWrite(parts, asking, keyIn),
      handler: (asking, reply) => remove(parts, asking, reply),
    },
  ];
}

function keyIn(target: string): string {
  return keyOfTarget(target, segments);
}

async function put({ store, sessions }: Parts, request: Asking, reply: Answering): Promise<void> {
  const target = request.url;
  const key = keyIn(target);
  const query = queryOfTarget(target, ['ack', 'ttl']);
  const ack = ackOf(query.ack);
  const value = bytesOf(request);
  refuseEncoding(request);
  const type = checkedContentType(request.headers['content-type'] ?? jsonContentType);
  if (isJsonType(type)) {
    const problem = jsonProblem(value);
    if (problem !== undefined) throw invalidJson(problem);
  }
  const ttlSeconds =
    query.ttl === undefined ? undefined : integerParameter('ttl', query.ttl, 1, ttlSecondsMax);
  const operation: WriteOperation = { op: 'put', key, bytes: value.length, type };
  if (ttlSeconds !== undefined) operation.ttlSeconds = ttlSeconds;
  applyHeaders(operation, request, [type, ttlSeconds], value);
  const session = sessions.of(request);
  const written = await store.write(ack, { operation, value }, session, request.span);
  sessions.tell(reply, session);
  const result = written.results[0] ?? {};
  tellWritten(reply, written, result.version);
  if (result.error !== undefined) throw new RefusedWrite(result.error, result);
  const answer = { key, version: result.version, created: result.created, ack };
  reply
    .code(result.created === true ? 201 : 200)
    .type(answerContentType)
    .send(JSON.stringify(answer));
}

async function remove({ store, sessions }: Parts, request: Asking, reply: Answering): Promise<void> {
  const target = request.url;
  const key = keyIn(target);
  const query = queryOfTarget(target, ['ack']);
  const operation: WriteOperation = { op: 'delete', key };
  applyHeaders(operation, request, [], noBytes);
  const session = sessions.of(request);
  const ack = ackOf(query.ack);
  const written = await store.write(ack, { operation, value: noBytes }, session, request.span);
  sessions.tell(reply, session);
  const result = written.results[0] ?? {};
  tellWritten(reply, written, result.version);
  if (result.error !== undefined) throw new RefusedWrite(result.error, result);
  reply.code(204).send();
}

async function get(parts: Parts, request: Asking, reply: Answering): Promise<void> {
  const target = request.url;
  const key = keyIn(target);
  const query = queryOfTarget(target, readParameters);
  const unless = request.headers['if-none-match'];
  const known = unless === undefined ? undefined : parseIfNoneMatch(unless);
  const found = await readKey(parts, request, reply, { key, asked: freshnessOf(query) });
  reply.header('etag', entityTag(found.entry.version));
  if (known !== undefined && matches(known, found.entry.version)) return void reply.code(304).send();
  // A value is somebody's bytes on our origin: it is never sniffed, and as a page it runs nothing.
  reply
    .type(found.entry.type)
    .header('x-content-type-options', 'nosniff')
    .header('content-security-policy', "sandbox; default-src 'none'")
    .send(found.value);
}

/**
 * The value under a key, with the headers of where it came from. Throws `key-not-found`, and what the read
 * met.
 */
export async function readKey(
  { store, sessions }: Parts,
  request: Asking,
  reply: Answering,
  { key, asked }: { key: string; asked: AskedFreshness },
): Promise<ReadOutcome & { type: 'found' }> {
  const session = sessions.of(request);
  const outcome = await store.read(key, asked, session, request.span);
  sessions.tell(reply, session);
  if (outcome.type === 'failed') throw new DriftlessError(outcome.code, outcome.detail, outcome);
  tellStanding(reply, outcome.node, outcome.standing);
  if (outcome.type === 'found') return outcome;
  throw new DriftlessError(
    'key-not-found',
    'Nothing was written under this key, or it was deleted or expired.',
  );
}

export function invalidJson(problem: string): DriftlessError {
  const hint = `Send JSON, or say what it is by Content-Type, such as text/plain.`;
  return new DriftlessError('invalid-value', problem, { hint });
}

/** Conditions and `Idempotency-Key`, from the headers into the operation. */
export function applyHeaders(
  operation: WriteOperation,
  { headers }: Asking,
  asked: readonly unknown[],
  value: Uint8Array,
): void {
  if (headers['if-match'] !== undefined) operation.ifMatch = parseIfMatch(headers['if-match']);
  if (headers['if-none-match'] !== undefined) {
    operation.ifNoneMatch = parseIfNoneMatch(headers['if-none-match']);
  }
  const id = headers['idempotency-key'];
  if (id === undefined) return;
  const { op, key, ifMatch, ifNoneMatch } = operation;
  const fingerprint = fingerprintOf([op, key, ifMatch, ifNoneMatch, ...asked], value);
  operation.idempotency = { id: checkedIdempotencyKey(String(id)), fingerprint };
}
