/** Free TCP ports on the loopback interface, for tests. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

const HOST = '127.0.0.1';
const RANGE_ATTEMPTS_MAX = 50;

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = await listen(0);
  const port = portOf(server);
  await close(server);
  return port;
}

/** The first of `count` ports in a row that were all free a moment ago. */
export async function freePortRange(count: number): Promise<number> {
  for (let attempt = 0; attempt < RANGE_ATTEMPTS_MAX; attempt++) {
    const base = await freePort();
    if (base + count <= 65_535 && (await allFree(base, count))) return base;
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

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP address');
  return address.port;
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}
