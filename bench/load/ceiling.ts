/**
 * The ceiling: a Fastify server that does nothing. PUT takes a JSON body and answers by a compiled schema;
 * GET answers from a Map. Prints its port.
 */
import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';

const app = fastify();
const values = new Map<string, string>();
const answer = {
  type: 'object',
  properties: { key: { type: 'string' }, version: { type: 'string' }, ack: { type: 'string' } },
};

app.put<{ Params: { key: string } }>(
  '/v1/kv/:key',
  { schema: { response: { 200: answer } } },
  async (request) => {
    return { key: request.params.key, version: '1-1', ack: 'stream' };
  },
);
app.get<{ Params: { key: string } }>('/v1/kv/:key', async (request, reply) => {
  const { key } = request.params;
  let value = values.get(key);
  if (value === undefined) {
    value = JSON.stringify('x'.repeat(98));
    values.set(key, value);
  }
  return reply.type('application/json').send(value);
});

await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${(app.server.address() as AddressInfo).port}\n`);
