/**
 * The ceiling: a Fastify server that does nothing. PUT takes a JSON body and answers by a compiled schema;
 * GET answers from a Map with a value of argv[2] bytes. Prints its port.
 */
import { listen, serverThat } from './server.ts';

const value = JSON.stringify('x'.repeat(Number(process.argv[2] ?? 100) - 2));
const values = new Map<string, string>();

const app = serverThat(async () => '1-1');
app.get<{ Params: { key: string } }>('/v1/kv/:key', async (request, reply) => {
  const { key } = request.params;
  if (!values.has(key)) values.set(key, value);
  return reply.type('application/json').send(values.get(key));
});
await listen(app);
