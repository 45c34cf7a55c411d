/** `/v1/admin/members`: who is a member, and orders to let one go or let another take its place. */
import {
  DriftlessError,
  type MemberList,
  type MembersView,
  memberListSchema,
  replaceMemberBodySchema,
} from '@driftless/contracts';
import { callNode } from '@driftless/runtime';
import { z } from 'zod';
import { queryOfTarget } from '../core/target.ts';
import { membersView } from '../core/view.ts';
import type { Store } from '../hop/store.ts';
import type { Api } from './api.ts';
import { leaveDocs, membersDocs, replaceDocs } from './docs/members.ts';
import { parseDocument } from './document.ts';
import { documentOf } from './exchange.ts';

const bodyDepthMax = 4;
const orderedSchema = z.object({ members: memberListSchema });

export function serveMembers(api: Api, store: Store): void {
  api.route({
    method: ['GET', 'HEAD'],
    url: '/v1/admin/members',
    config: membersDocs,
    handler: (request, reply) => {
      queryOfTarget(request.url, []);
      void store.cluster;
      return reply.send(membersView(store.routing.state));
    },
  });
  api.route({
    method: 'DELETE',
    url: '/v1/admin/members/:node',
    config: leaveDocs,
    handler: async (request, reply) => {
      queryOfTarget(request.url, []);
      const { node } = request.params as { node: string };
      return reply.code(202).send(await order(store, 'leave', { node }));
    },
  });
  api.route({
    method: 'POST',
    url: '/v1/admin/members/:node/replacement',
    config: replaceDocs,
    handler: async (request, reply) => {
      queryOfTarget(request.url, []);
      const { node } = request.params as { node: string };
      const { by } = parseDocument(replaceMemberBodySchema, documentOf(request, bodyDepthMax));
      return reply.code(202).send(await order(store, 'replace', { node, by }));
    },
  });
}

/** Any node will do: it keeps the order on its disk and tells the others. One that stays comes first. */
async function order(
  store: Store,
  what: 'leave' | 'replace',
  body: { node: string; by?: string },
): Promise<MembersView> {
  void store.cluster;
  const { nodes, members } = store.routing.state;
  if (!members.some(({ node }) => node === body.node)) {
    throw new DriftlessError('not-found', `The cluster has no member ${body.node}.`);
  }
  const alive = [...nodes.values()].filter((node) => node.alive && !node.status.draining);
  const asked = alive.find(({ status }) => status.node !== body.node) ?? alive[0];
  if (asked === undefined) {
    throw new DriftlessError('replica-unavailable', 'No store-node has told its status lately.');
  }
  const { node, url } = asked.status;
  const answer = await callNode(node, url, { method: 'POST', path: `/node/v1/members/${what}`, body });
  store.routing.hear({ type: 'members-known', members: listOf(answer) });
  return membersView(store.routing.state);
}

function listOf(answer: unknown): MemberList {
  return orderedSchema.parse(answer).members;
}
