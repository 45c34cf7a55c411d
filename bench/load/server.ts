/** The Fastify server that is the ceiling when it does nothing, and that peers' stores stand behind. */
import type { AddressInfo } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';

const answer = {
  type: 'object',
  properties: { key: { type: 'string' }, version: { type: 'string' }, ack: { type: 'string' } },
};

/** PUT takes a JSON body; answered with the version that `put` resolves with. */
export function serverThat(put: (key: string, value: unknown) => Promise<string>): FastifyInstance {
  const app = fastify();
  app.put<{ Params: { key: string } }>(
    '/v1/kv/:key',
    { schema: { response: { 200: answer } } },
    async (request) => {
      const { key } = request.params;
      return { key, version: await put(key, request.body), ack: 'stream' };
    },
  );
  return app;
}

/** On a free port, which it prints. */
export async function listen(app: FastifyInstance): Promise<void> {
  await app.listen({ host: '127.0.0.1', port: 0 });
  process.stdout.write(`${(app.server.address() as AddressInfo).port}\n`);
}
