/**
 * How replicas differ, and healing: `diff` and `inject` ask one node, the rest goes to an anti-entropy
 * process. Nothing is decided here.
 */
import {
  antiEntropyViewSchema,
  DriftlessError,
  type ExchangeAnswer,
  type ExchangeHeader,
  exchangeAnswerSchema,
  injectAnswerSchema,
  injectBodySchema,
  nodeIdSchema,
  runAnswerSchema,
  runBodySchema,
} from '@driftless/contracts';
import { callNode } from '@driftless/runtime';
import type { FastifyRequest } from 'fastify';
import { queryOfTarget } from '../core/target.ts';
import type { Store } from '../hop/store.ts';
import type { FindAntiEntropy } from '../nats/anti-entropy.ts';
import type { Api } from './api.ts';
import { antiEntropyDocs, diffDocs, healDocs, injectDocs } from './docs/healing.ts';
import { parseDocument } from './document.ts';
import { bytesOf, documentOf } from './exchange.ts';

const bodyDepthMax = 4;

export interface HealingLimits {
  /** How long two replicas may take to be compared, milliseconds. */
  diffTimeoutMs: number;
  /** Keys that are looked at one by one. */
  diffKeysMax: number;
  /** How long rounds that were asked for may take, milliseconds. */
  healTimeoutMs: number;
}

export function serveHealing(api: Api, store: Store, find: FindAntiEntropy, limits: HealingLimits): void {
  api.route({
    method: ['GET', 'HEAD'],
    url: '/v1/shards/:n/diff',
    config: diffDocs,
    handler: async (request, reply) => reply.send(await diff(store, request, limits)),
  });
  api.route({
    method: 'POST',
    url: '/v1/admin/shards/:n/inject',
    config: injectDocs,
    handler: async (request, reply) => {
      queryOfTarget(request.url, []);
      const shard = shardOf(store, request);
      const { node, ...body } = parseDocument(injectBodySchema, documentOf(request, bodyDepthMax));
      requireReplica(store, shard, node);
      const path = `/node/v1/shards/${shard}/inject`;
      const answer = await callNode(node, store.routing.urlOf(node), { method: 'POST', path, body });
      return reply.send(injectAnswerSchema.parse(answer));
    },
  });
  api.route({
    method: ['GET', 'HEAD'],
    url: '/v1/admin/anti-entropy',
    config: antiEntropyDocs,
    handler: async (request, reply) => {
      queryOfTarget(request.url, []);
      const { instance, url } = await find();
      const view = await callNode(instance, url, { method: 'GET', path: '/v1/anti-entropy' });
      return reply.send(antiEntropyViewSchema.parse(view));
    },
  });
  api.route({
    method: 'POST',
    url: '/v1/admin/heal',
    config: healDocs,
    handler: async (request, reply) => {
      queryOfTarget(request.url, []);
      const document = bytesOf(request).length === 0 ? {} : documentOf(request, bodyDepthMax);
      const body = parseDocument(runBodySchema, document);
      const { instance, url } = await find();
      const call = { method: 'POST', path: '/v1/anti-entropy/run', body } as const;
      const answer = await callNode(instance, url, { ...call, timeoutMs: limits.healTimeoutMs });
      return reply.send(runAnswerSchema.parse(answer));
    },
  });
}

/** Asks `a` how its replica differs from that of `b`; neither changes. */
async function diff(
  store: Store,
  request: FastifyRequest,
  { diffKeysMax, diffTimeoutMs: timeoutMs }: HealingLimits,
): Promise<ExchangeAnswer> {
  const { a, b } = queryOfTarget(request.url, ['a', 'b']);
  const shard = shardOf(store, request);
  const [ours, theirs] = [nodeParameter('a', a), nodeParameter('b', b)];
  if (ours === theirs) {
    throw new DriftlessError('invalid-parameter', 'A replica differs in nothing from itself: "a" is "b".');
  }
  for (const node of [ours, theirs]) requireReplica(store, shard, node);
  const body: ExchangeHeader = {
    with: theirs,
    mode: 'diff',
    rung: 'key',
    buckets: [],
    keysMax: diffKeysMax,
    // Nothing is fetched.
    bytesMax: 1,
  };
  const path = `/node/v1/shards/${shard}/exchange`;
  const url = store.routing.urlOf(ours);
  return exchangeAnswerSchema.parse(await callNode(ours, url, { method: 'POST', path, body, timeoutMs }));
}

function nodeParameter(name: string, text: string | undefined): string {
  const node = nodeIdSchema.safeParse(text);
  if (node.success) return node.data;
  const detail = `"${name}" is the id of a node that holds the shard.`;
  throw new DriftlessError('invalid-parameter', detail, { hint: 'For example: ?a=node-1&b=node-2' });
}

/** Throws `invalid-parameter` or `not-found` when there is no such shard. */
function shardOf(store: Store, request: FastifyRequest): number {
  const { shardCount } = store.cluster;
  const { n } = request.params as { n: string };
  if (!/^\d{1,9}$/.test(n)) {
    throw new DriftlessError('invalid-parameter', `A shard is a whole number from 0 to ${shardCount - 1}.`);
  }
  if (Number(n) < shardCount) return Number(n);
  throw new DriftlessError('not-found', `The cluster has the shards 0 to ${shardCount - 1}.`);
}

function requireReplica(store: Store, shard: number, node: string): void {
  const known = store.routing.state.nodes.get(node);
  if (known?.status.shards.some((replica) => replica.shard === shard)) return;
  throw new DriftlessError('not-found', `${node} holds no replica of shard ${shard}, as far as it is known.`);
}
