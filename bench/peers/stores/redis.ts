/** Puts into Redis, waiting for so many replicas or for none. */
import { RedisConnection } from './resp.ts';

export async function openRedis({ port, waitFor }: { port: number; waitFor: number }) {
  return waitFor === 0 ? puttingInto(new RedisConnection(port)) : puttingAndWaiting(port, waitFor);
}

/** One connection for all: its commands are pipelined. */
function puttingInto(redis: RedisConnection) {
  return async (key: string, value: unknown): Promise<string> => {
    await redis.send(['SET', key, JSON.stringify(value)]);
    return '1-1';
  };
}

/**
 * A connection for each request under way: WAIT stops the one it is on, so on a shared one a single request
 * at a time would go on.
 */
function puttingAndWaiting(port: number, waitFor: number) {
  const free: RedisConnection[] = [];
  return async (key: string, value: unknown): Promise<string> => {
    const redis = free.pop() ?? new RedisConnection(port);
    const stored = redis.send(['SET', key, JSON.stringify(value)]);
    const waited = redis.send(['WAIT', String(waitFor), '0']);
    await stored;
    if (Number(await waited) < waitFor) throw new Error('WAIT came back without a replica');
    free.push(redis);
    return '1-1';
  };
}
