/**
 * What an operator asks of a node, by way of a gateway: to hand a leadership over, to look through orphans,
 * to let a member go or be replaced.
 */
import { Buffer } from 'node:buffer';
import { DriftlessError, formatPosition, nodeIdSchema, type OrphanView } from '@driftless/contracts';
import type { HttpServer } from '@driftless/runtime';
import { z } from 'zod';
import type { Orphan } from '../core/change.ts';
import type { StoreNode } from '../node.ts';

const shardParams = z.object({ shard: z.coerce.number().int().min(0) });
const orphanParams = shardParams.extend({ version: z.string() });
const leave = z.object({ node: nodeIdSchema });
const replace = z.object({ node: nodeIdSchema, by: nodeIdSchema });
const handOver = { params: shardParams, body: z.object({ to: z.string() }) };

export function addAdminRoutes(app: HttpServer, serving: () => StoreNode): void {
  app.post('/node/v1/shards/:shard/hand-over', { schema: handOver }, (request, reply) => {
    serving().handOver(request.params.shard, request.body.to);
    return reply.code(202).send({});
  });

  app.post('/node/v1/members/leave', { schema: { body: leave } }, (request, reply) => {
    const node = serving();
    node.orderMembers((membership) => membership.leave(request.body.node));
    return reply.send({ members: node.membership.list });
  });

  app.post('/node/v1/members/replace', { schema: { body: replace } }, (request, reply) => {
    const node = serving();
    node.orderMembers((membership) => membership.replace(request.body.node, request.body.by));
    return reply.send({ members: node.membership.list });
  });

  app.get('/node/v1/orphans', () => {
    const node = serving();
    const orphans = node.replicas.flatMap(({ shard, context }) =>
      context.store.orphans().map((orphan) => orphanView(node.id, shard, orphan)),
    );
    return { orphans };
  });

  app.delete(
    '/node/v1/shards/:shard/orphans/:version',
    { schema: { params: orphanParams } },
    (request, reply) => {
      const { shard, version } = request.params;
      const { store } = serving().replica(shard).context;
      const orphan = store.orphans().find((candidate) => formatPosition(candidate.version) === version);
      if (!orphan) throw new DriftlessError('not-found', `Shard ${shard} keeps no orphan ${version} here.`);
      store.settleOrphan(orphan.version, 'gone');
      return reply.code(204).send();
    },
  );
}

function orphanView(node: string, shard: number, { version, operation, offered }: Orphan): OrphanView {
  const put = operation.op === 'put' ? operation : undefined;
  return {
    node,
    shard,
    version: formatPosition(version),
    op: put ? 'put' : 'delete',
    key: operation.key,
    ...(put && { contentType: put.contentType, bytes: put.value.length }),
    ...(put && { valueBase64: Buffer.from(put.value).toString('base64') }),
    state: offered ? 'kept' : 'waiting',
  };
}
