/**
 * A peer's store behind the same Fastify that is the ceiling, as a process: `front.ts <store> <options as
 * JSON>`. Prints its port.
 */
import { listen, serverThat } from '../load/server.ts';
import { openNatsKv } from './stores/nats-kv.ts';
import { openRedis } from './stores/redis.ts';

const [name = '', options = '{}'] = process.argv.slice(2);
const open = { 'nats-kv': openNatsKv, redis: openRedis }[name];
if (open === undefined) throw new Error(`There is no store "${name}".`);
await listen(serverThat(await open(JSON.parse(options))));
