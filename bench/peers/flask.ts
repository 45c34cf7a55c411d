/**
 * The counter that many begin with: Flask behind gunicorn, INCR in Redis. Workers have threads, so that
 * connections are kept.
 */
import { freePortRange } from '@driftless/runtime';
import type { Target } from '../targets/target.ts';
import { startRedisServers } from './redis.ts';
import { noBytecode, Servers } from './servers.ts';

const threads = 16;
/** As long as ours keeps idle connections: its own 2 s would cut some between two loads. */
const keepAliveSeconds = '75';
/** Where gunicorn finds the application. */
export const counterApp = ['--chdir', import.meta.dirname, 'counter:app'];

export async function startFlask(workers: number): Promise<Target> {
  const servers = new Servers();
  const redis = await startRedisServers(servers, 'everysec');
  const port = await freePortRange(1);
  const kept = ['--worker-class', 'gthread', '--threads', String(threads), '--keep-alive', keepAliveSeconds];
  const scale = ['--workers', String(workers), ...kept];
  await servers.start({
    name: 'gunicorn',
    command: 'gunicorn',
    args: [...scale, '--bind', `127.0.0.1:${port}`, ...counterApp],
    env: { ...noBytecode, REDIS_PORT: String(redis) },
    port,
  });
  return {
    ports: [port],
    charged: async () => servers.charged('gunicorn and redis-server'),
    request: async () => ({ method: 'POST', path: '/api/counter/increment' }),
    stop: () => servers.stop(),
  };
}
