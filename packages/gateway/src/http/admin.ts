/** `/v1/admin/*`: leaderships moved by hand, and the orphans that wait for a person. */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  DriftlessError,
  type MovedLeader,
  moveLeaderBodySchema,
  type OrphanView,
  orphanListSchema,
} from '@driftless/contracts';
import { callNode } from '@driftless/runtime';
import { pathOf, queryOfTarget } from '../core/target.ts';
import type { Store } from '../hop/store.ts';
import type { Api } from './api.ts';
import { moveLeaderDocs, orphanDocs, orphansDocs } from './docs/admin.ts';
import { parseDocument } from './document.ts';
import { documentOf } from './exchange.ts';

const bodyDepthMax = 4;
/** How long a moved leadership may take to arrive. */
const moveTimeoutMs = 10_000;
const movePollMs = 20;
/** How long whoever leads meanwhile has to heed it before they are asked again. */
const moveAskEveryMs = 2000;

export function serveAdmin(api: Api, store: Store): void {
  api.route({
    method: 'POST',
    url: '/v1/admin/shards/*',
    config: moveLeaderDocs,
    handler: async (request, reply) => {
      const target = request.url;
      queryOfTarget(target, []);
      const shard = /^\/v1\/admin\/shards\/(\d{1,9})\/leader$/.exec(pathOf(target))?.[1];
      if (shard === undefined) {
        throw new DriftlessError('not-found', 'There is /v1/admin/shards/{n}/leader, and …/inject.');
      }
      const { node } = parseDocument(moveLeaderBodySchema, documentOf(request, bodyDepthMax));
      return reply.send(await moveLeader(store, Number(shard), node));
    },
  });
  api.route({
    method: ['GET', 'HEAD'],
    url: '/v1/admin/orphans',
    config: orphansDocs,
    handler: async (request, reply) => {
      queryOfTarget(request.url, []);
      return reply.send({ orphans: await orphansOf(store) });
    },
  });
  api.route({
    method: 'DELETE',
    url: '/v1/admin/orphans/:node/:shard/:version',
    config: orphanDocs,
    handler: async (request, reply) => {
      const { node, shard, version } = request.params as Record<'node' | 'shard' | 'version', string>;
      const path = `/node/v1/shards/${encodeURIComponent(shard)}/orphans/${encodeURIComponent(version)}`;
      await callNode(node, store.routing.urlOf(node), { method: 'DELETE', path });
      return reply.code(204).send();
    },
  });
}

/**
 * Asks the leader to hand over, and waits until the other one leads. Whoever leads meanwhile is asked again:
 * a leader that just gives its leadership to somebody else, or gets it back, does not heed it.
 */
async function moveLeader(store: Store, shard: number, node: string): Promise<MovedLeader> {
  const { routing } = store;
  const route = routing.route(shard);
  if (route === undefined) throw new DriftlessError('not-found', `There is no shard ${shard}.`);
  if (route.leader === undefined) throw new DriftlessError('no-leader', `Nobody leads shard ${shard}.`);
  const call = { method: 'POST', path: `/node/v1/shards/${shard}/hand-over`, body: { to: node } } as const;
  const ask = (leader: string) => callNode(leader, routing.urlOf(leader), call);
  if (route.leader !== node) await ask(route.leader);
  const startedAt = performance.now();
  let askAgainAt = startedAt + moveAskEveryMs;
  for (;;) {
    const now = routing.route(shard);
    const replica = routing.state.nodes.get(node)?.status.shards.find((one) => one.shard === shard);
    if (now?.leader === node && replica?.role === 'leading') return { shard, leader: node, epoch: now.epoch };
    const at = performance.now();
    if (at > startedAt + moveTimeoutMs) {
      throw new DriftlessError('upstream-timeout', `${node} does not lead shard ${shard} yet.`);
    }
    if (at > askAgainAt && now?.leader !== undefined && now.leader !== node) {
      askAgainAt = at + moveAskEveryMs;
      // One that can't be reached by now will not lead for long.
      await ask(now.leader).catch(() => undefined);
    }
    await sleep(movePollMs);
  }
}

/** Orphans of all nodes that answer; one that is away keeps its own until it is back. */
async function orphansOf(store: Store): Promise<OrphanView[]> {
  const alive = [...store.routing.state.nodes.values()].filter((node) => node.alive);
  const answers = await Promise.all(
    alive.map(({ status: { node, url } }) =>
      callNode(node, url, { method: 'GET', path: '/node/v1/orphans' }),
    ),
  );
  return answers.flatMap((answer) => orphanListSchema.parse(answer).orphans);
}
