/** `GET /v1/kv?prefix=&limit=&cursor=`: keys in byte order, page by page. */
import { Buffer } from 'node:buffer';
import {
  answerHeaders,
  DriftlessError,
  formatPosition,
  keyBytesMax,
  listLimitDefault,
  listLimitMax,
} from '@driftless/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Admission } from '../core/admission.ts';
import { decodeCursor, encodeCursor } from '../core/cursor.ts';
import { jsonContentType, valueMember } from '../core/json-value.ts';
import { choiceParameter, integerParameter, queryOfTarget } from '../core/target.ts';
import type { ListedEntry, ListPage } from '../hop/lister.ts';
import type { Api } from './api.ts';
import { listDocs } from './docs/listing.ts';
import { freshnessOf } from './exchange.ts';
import { type Parts, readParameters } from './keys.ts';

const parameters = ['prefix', 'limit', 'cursor', 'values', ...readParameters] as const;

export function serveListing(api: Api, parts: Parts, listings: Admission, onShed: () => void): void {
  api.route({
    method: ['GET', 'HEAD'],
    url: '/v1/kv',
    config: listDocs,
    handler: async (request, reply) => {
      if (!listings.enter(0)) {
        onShed();
        throw new DriftlessError('overloaded', 'The gateway serves as many listings as it may at a time.');
      }
      try {
        return await list(parts, request, reply);
      } finally {
        listings.leave(0);
      }
    },
  });
}

async function list(
  { store, sessions }: Parts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const query = queryOfTarget(request.url, parameters);
  const prefix = query.prefix ?? '';
  if (Buffer.byteLength(prefix) > keyBytesMax) {
    throw new DriftlessError('invalid-parameter', `"prefix" has at most ${keyBytesMax} bytes of UTF-8.`);
  }
  const limit =
    query.limit === undefined ? listLimitDefault : integerParameter('limit', query.limit, 1, listLimitMax);
  const values = choiceParameter('values', query.values ?? 'true', ['true', 'false']) === 'true';
  const asked = freshnessOf(query);
  const { id } = store.cluster;
  const after = query.cursor === undefined ? '' : decodeCursor(id, prefix, query.cursor);
  const session = sessions.of(request);
  const { span } = request;
  const page = await store.list({ prefix, after, limit, values, asked, span }, session).finally(() => {
    sessions.tell(reply, session);
  });
  const last = page.entries.at(-1);
  const next = page.more && last !== undefined ? encodeCursor(id, prefix, last.key) : undefined;
  tellServed(reply, page);
  return reply.header('content-type', jsonContentType).send(documentOf(page.entries, values, next));
}

/** A listing comes from many replicas: all their names and positions, and the largest lag. */
function tellServed(reply: FastifyReply, { served }: ListPage): void {
  reply.header(answerHeaders.node, [...new Set(served.map(({ node }) => node))].sort().join(','));
  const positions = served.map(({ shard, standing }) => `${shard}:${formatPosition(standing.position)}`);
  reply.header(answerHeaders.position, positions.join(','));
  const lagMs = largest(served.map(({ standing }) => standing.lagMs));
  const lagOps = largest(served.map(({ standing }) => standing.lagOps));
  if (lagMs !== undefined) reply.header(answerHeaders.lagMs, Math.round(lagMs));
  if (lagOps !== undefined) reply.header(answerHeaders.lagOps, lagOps);
}

/** Unknown when one of them is. */
function largest(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce((a, b) => (a === undefined || b === undefined ? undefined : Math.max(a, b)), 0);
}

/** Written by hand: JSON values go in as they are stored, unparsed. */
function documentOf(entries: readonly ListedEntry[], values: boolean, next: string | undefined): string {
  const listed = entries.map((entry) => listedEntry(entry, values));
  const cursor = next === undefined ? '' : `,"next":${JSON.stringify(next)}`;
  return `{"entries":[${listed.join(',')}]${cursor}}`;
}

function listedEntry({ key, version, type, bytes, expiresAt, value }: ListedEntry, values: boolean): string {
  const until = expiresAt === undefined ? undefined : new Date(expiresAt).toISOString();
  const head = JSON.stringify({ key, version, contentType: type, bytes, expiresAt: until });
  if (!values) return head;
  return `${head.slice(0, -1)},${valueMember(type, value)}}`;
}
