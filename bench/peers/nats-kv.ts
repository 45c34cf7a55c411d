/** NATS KV: the nats-server that we run ourselves. */
import { freePortRange } from '@driftless/runtime';
import { natsPlans } from '@driftless/test';
import type { Target } from '../targets/target.ts';
import { startFront } from './redis.ts';
import { Servers } from './servers.ts';

export async function startNatsKv(): Promise<Target> {
  const servers = new Servers();
  const port = await freePortRange(2);
  for (const plan of natsPlans(servers.directory, [{ client: port, route: port + 1 }])) {
    await servers.start({ ...plan, port });
  }
  return startFront(servers, 'nats-server', ['nats-kv', { port }]);
}
