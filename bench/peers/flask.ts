/**
 * The counter of a small web shop's first day: Flask behind gunicorn, INCR in Redis. Workers have threads, so
 * that connections are kept.
 */
import { join } from 'node:path';
import { freePortRange } from '@driftless/runtime';
import type { Target } from '../targets/target.ts';
import { startRedisServers } from './redis.ts';
import { Servers } from './servers.ts';

const threads = 16;

export async function startFlask(workers: number): Promise<Target> {
  const servers = new Servers();
  const redis = await startRedisServers(servers, 'everysec');
  const port = await freePortRange(1);
  const scale = ['--workers', String(workers), '--worker-class', 'gthread', '--threads', String(threads)];
  await servers.start({
    name: 'gunicorn',
    command: 'gunicorn',
    args: [...scale, '--bind', `127.0.0.1:${port}`, '--chdir', join(import.meta.dirname), 'counter:app'],
    env: { REDIS_PORT: String(redis), PYTHONDONTWRITEBYTECODE: '1' },
    port,
  });
  return {
    ports: [port],
    charged: async () => servers.charged('gunicorn and redis-server'),
    request: async () => ({ method: 'POST', path: '/api/counter/increment' }),
    stop: () => servers.stop(),
  };
}
