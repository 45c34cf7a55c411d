/** The server that does nothing, as a target. */
import { join } from 'node:path';
import { jsonOf, type LoadRequest } from '../load/plan.ts';
import { startPrinting, type Target } from './target.ts';

export async function startCeiling(valueBytes: number): Promise<Target> {
  const script = join(import.meta.dirname, '../load/ceiling.ts');
  const { child, port } = await startPrinting([script, String(valueBytes)]);
  return {
    ports: [port],
    charged: async () => [{ name: 'Fastify', pid: child.pid as number }],
    request: async ({ what, valueBytes: bytes }) =>
      what === 'get' ? { method: 'GET', path: '/v1/kv/{key}' } : putRequest(bytes),
    stop: async () => void child.kill(),
  };
}

/** As the ceiling, and whoever stands behind the same server, takes it. */
export function putRequest(valueBytes: number): LoadRequest {
  return { method: 'PUT', path: '/v1/kv/{key}', body: jsonOf(valueBytes) };
}
