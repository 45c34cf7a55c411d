/** Redis with two replicas, and a target that puts into it behind the same Fastify. */
import { join } from 'node:path';
import { freePortRange } from '@driftless/runtime';
import { putRequest } from '../targets/ceiling.ts';
import { startPrinting, type Target } from '../targets/target.ts';
import { Servers } from './servers.ts';
import { RedisConnection } from './stores/resp.ts';

const front = join(import.meta.dirname, 'front.ts');

/** The primary's port. Each keeps an append-only file. */
export async function startRedisServers(servers: Servers, fsync: 'always' | 'everysec'): Promise<number> {
  const primary = await freePortRange(3);
  for (const [index, role] of ['primary', 'replica-1', 'replica-2'].entries()) {
    const port = primary + index;
    const files = ['--dir', servers.directory, '--appenddirname', role, '--dbfilename', `${role}.rdb`];
    const disk = ['--appendonly', 'yes', '--appendfsync', fsync, '--save', ''];
    const following = index === 0 ? [] : ['--replicaof', '127.0.0.1', String(primary)];
    const args = ['--port', String(port), '--bind', '127.0.0.1', ...files, ...disk, ...following];
    await servers.start({ name: `redis-${role}`, command: 'redis-server', args, port });
  }
  await followed(primary);
  return primary;
}

/** Resolves when both replicas follow: one that just came takes a copy first. */
async function followed(port: number): Promise<void> {
  const redis = new RedisConnection(port);
  await redis.send(['SET', 'first', '']);
  await redis.send(['WAIT', '2', '0']);
  redis.close();
}

/** A write waits for so many replicas. */
export async function startRedis(waitFor: number): Promise<Target> {
  const servers = new Servers();
  const port = await startRedisServers(servers, 'always');
  return startFront(servers, 'redis-server', ['redis', { port, waitFor }]);
}

/** These servers behind Fastify. */
export async function startFront(
  servers: Servers,
  name: string,
  [store, options]: [store: string, options: object],
): Promise<Target> {
  const { child, port } = await startPrinting([front, store, JSON.stringify(options)]);
  return {
    ports: [port],
    charged: async () => [{ name: 'Fastify', pid: child.pid as number }, ...servers.charged(name)],
    request: async ({ valueBytes }) => putRequest(valueBytes),
    stop: async () => {
      child.kill();
      await servers.stop();
    },
  };
}
