/** Free TCP ports on the loopback interface, for tests. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

const HOST = '127.0.0.1';
const RANGE_ATTEMPTS_MAX = 50;
const SERVER_PORT_MIN = 10_240;
const EPHEMERAL_PORT_MIN = 32_768;

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return freePortRange(1);
}

/**
 * The first of `count` ports in a row that were all free a moment ago. They lie below those that systems give
 * to outgoing connections (32,768 and up on Linux): a server that is restarted finds its port as it left it.
 */
export async function freePortRange(count: number): Promise<number> {
  for (let attempt = 0; attempt < RANGE_ATTEMPTS_MAX; attempt++) {
    const base = randomInt(SERVER_PORT_MIN, EPHEMERAL_PORT_MIN - count);
    if (await allFree(base, count)) return base;
  }
  throw new Error(`no ${count} free ports in a row found in ${RANGE_ATTEMPTS_MAX} attempts`);
}

async function allFree(base: number, count: number): Promise<boolean> {
  const held: Server[] = [];
  try {
    for (let port = base; port < base + count; port++) held.push(await listen(port));
    return true;
  } catch {
    return false;
  } finally {
    await Promise.all(held.map(close));
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer();
  server.listen(port, HOST);
  await once(server, 'listening');
  return server;
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}
