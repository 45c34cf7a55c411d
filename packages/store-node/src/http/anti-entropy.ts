/**
 * Routes of comparing and healing (contracts/exchange.ts): what peers ask, and what the coordinator orders.
 */
import {
  exchangeHeaderSchema,
  exchangeQuestions,
  frameContentType,
  injectHeaderSchema,
  scrubHeaderSchema,
  traceHeaders,
  verifiedHeaderSchema,
} from '@driftless/contracts';
import type { HttpServer } from '@driftless/runtime';
import { z } from 'zod';
import type { StoreNode } from '../node.ts';
import { answerQuestion, jsonQuestions } from './exchange-answers.ts';

const params = z.object({ shard: z.coerce.number().int().min(0) });

export function addAntiEntropyRoutes(app: HttpServer, serving: () => StoreNode): void {
  for (const question of exchangeQuestions) {
    const type = jsonQuestions.includes(question) ? 'application/json' : frameContentType;
    app.post(`/node/v1/shards/:shard/${question}`, { schema: { params } }, async (request, reply) => {
      const { context } = serving().replica(request.params.shard);
      return reply.type(type).send(await answerQuestion(context, question, request.body));
    });
  }

  app.post(
    '/node/v1/shards/:shard/exchange',
    { schema: { params, body: exchangeHeaderSchema } },
    async ({ params: { shard }, body, headers }) =>
      serving().replica(shard).exchanges.run(body, headers[traceHeaders.parent]),
  );

  app.post('/node/v1/shards/:shard/restore', { schema: { params } }, (request, reply) => {
    serving().restore(request.params.shard);
    return reply.code(202).send({});
  });

  app.post(
    '/node/v1/shards/:shard/verified',
    { schema: { params, body: verifiedHeaderSchema } },
    (request) => {
      serving().replica(request.params.shard).context.verified = request.body;
      return {};
    },
  );

  app.post('/node/v1/shards/:shard/inject', { schema: { params, body: injectHeaderSchema } }, (request) =>
    serving().inject(request.params.shard, request.body),
  );

  app.post(
    '/node/v1/shards/:shard/scrub',
    { schema: { params, body: scrubHeaderSchema.nullish() } },
    async (request) => {
      const node = serving();
      const replica = node.replica(request.params.shard);
      return { node: node.id, ...(await replica.scrub.run(request.body?.buckets)) };
    },
  );
}
