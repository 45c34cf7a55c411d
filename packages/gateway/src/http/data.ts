/** The metrics-storage seed's own routes: `POST /data` keeps a record, `GET /data/{key}` gives it back. */
import { Buffer } from 'node:buffer';
import {
  DriftlessError,
  dataBodySchema,
  jsonDepthMax,
  requestBytesMax,
  valueBytesMax,
  type WriteOperation,
} from '@driftless/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isJsonType, isTextType, jsonContentType } from '../core/json-value.ts';
import { checkedKey, keyOfTarget, queryOfTarget } from '../core/target.ts';
import type { Store } from '../hop/store.ts';
import type { Api } from './api.ts';
import { getDataDocs, postDataDocs } from './docs/data.ts';
import { parseDocument } from './document.ts';
import { ackOf, documentOf, freshnessOf, tellWritten } from './exchange.ts';
import { applyHeaders, type Parts, readKey, readParameters } from './keys.ts';
import { RefusedWrite } from './problem.ts';
import type { Sessions } from './sessions.ts';

export function serveData(api: Api, store: Store, sessions: Sessions): void {
  const parts = { store, sessions };
  api.route({
    method: 'POST',
    url: '/data',
    bodyLimit: requestBytesMax,
    config: postDataDocs,
    handler: (request, reply) => keep(parts, request, reply),
  });
  api.route({
    method: ['GET', 'HEAD'],
    url: '/data/*',
    config: getDataDocs,
    handler: (request, reply) => give(parts, request, reply),
  });
}

async function keep(
  { store, sessions }: Parts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const ack = ackOf(queryOfTarget(request.url, ['ack']).ack);
  const document = documentOf(request, jsonDepthMax + 1);
  const hasValue = typeof document === 'object' && document !== null && Object.hasOwn(document, 'value');
  // As in a batch: the value is JSON already, so the schema need not walk it.
  const light = hasValue ? { ...document, value: null } : document;
  const key = checkedKey(parseDocument(dataBodySchema, light).key);
  const value = Buffer.from(JSON.stringify((document as { value: unknown }).value), 'utf8');
  if (value.length > valueBytesMax) {
    throw new DriftlessError('value-too-large', `A value has at most ${valueBytesMax} bytes.`);
  }
  const operation: WriteOperation = { op: 'put', key, bytes: value.length, type: jsonContentType };
  applyHeaders(operation, request, [], value);
  const session = sessions.of(request);
  const written = await store.write(ack, { operation, value }, session, request.span);
  sessions.tell(reply, session);
  const result = written.results[0] ?? {};
  tellWritten(reply, written, result.version);
  if (result.error !== undefined) throw new RefusedWrite(result.error, result);
  return reply
    .code(result.created === true ? 201 : 200)
    .header('content-type', jsonContentType)
    .send(dataDocument(key, value.toString('utf8'), result.version));
}

async function give(parts: Parts, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const target = request.url;
  const key = keyOfTarget(target, 1);
  const asked = freshnessOf(queryOfTarget(target, readParameters));
  const { entry, value } = await readKey(parts, request, reply, { key, asked });
  const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString('utf8');
  reply.header('etag', `"${entry.version}"`).header('content-type', jsonContentType);
  if (isJsonType(entry.type)) return reply.send(dataDocument(key, text, entry.version));
  if (isTextType(entry.type)) return reply.send(dataDocument(key, JSON.stringify(text), entry.version));
  const hint = 'GET /v1/kv/{key} gives every value as it is stored.';
  throw new DriftlessError('unsupported-media-type', 'The value is neither JSON nor text.', { hint });
}

/** `json` is the value as JSON text, put in as it is. */
function dataDocument(key: string, json: string, version: string | undefined): string {
  return `{"key":${JSON.stringify(key)},"value":${json},"version":${JSON.stringify(version)}}`;
}
