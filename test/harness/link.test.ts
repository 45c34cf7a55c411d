/** A link does to bytes what it says. */
import { once } from 'node:events';
import { createServer, type Server, Socket } from 'node:net';
import { freePortRange, waitUntil } from '@driftless/runtime';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Link } from './link.ts';

let server: Server;
let link: Link;
let port: number;
let clients: Socket[];
/** Connections that reached the server. */
let reached: number;

beforeEach(async () => {
  [clients, reached] = [[], 0];
  port = await freePortRange(2);
  // Says back what it hears.
  server = createServer((socket) => {
    reached += 1;
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  link = await Link.open(port + 1, port);
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  await link.close();
  server.close();
});

function open(): { socket: Socket; heard: () => string } {
  const socket = new Socket();
  clients.push(socket);
  let heard = '';
  socket.on('data', (bytes: Buffer) => {
    heard += bytes.toString();
  });
  socket.on('error', () => undefined);
  socket.connect(port + 1, '127.0.0.1');
  return { socket, heard: () => heard };
}

async function connect(): Promise<{ socket: Socket; heard: () => string }> {
  const opened = open();
  await once(opened.socket, 'connect');
  return opened;
}

const hears = (heard: () => string, text: string) =>
  waitUntil(() => heard() === text, { timeoutMs: 5_000, intervalMs: 5, what: text });

const closes = (socket: Socket) =>
  waitUntil(() => socket.closed, { timeoutMs: 5_000, intervalMs: 5, what: 'the end of a connection' });

it('passes what is said, and what is held when it heals', async () => {
  const { socket, heard } = await connect();
  socket.write('a');
  await hears(heard, 'a');
  link.hold('to-client');
  socket.write('b');
  const other = await connect();
  other.socket.write('x');
  // The other direction is open: a second connection reaches the server, and hears nothing.
  await waitUntil(() => reached === 2, { timeoutMs: 5_000, what: 'the second connection' });
  expect([heard(), other.heard()]).toEqual(['a', '']);
  link.heal();
  await hears(heard, 'ab');
  await hears(other.heard, 'x');
});

it('loses what was held when connections are reset', async () => {
  const { socket, heard } = await connect();
  socket.write('a');
  await hears(heard, 'a');
  link.hold('both');
  socket.write('b');
  link.heal({ reset: true });
  await closes(socket);
  expect(heard()).toBe('a');
});

it('ends connections and takes none while it is cut', async () => {
  const first = await connect();
  link.cut();
  await closes(first.socket);
  const second = open();
  await closes(second.socket);
  link.heal();
  const third = await connect();
  third.socket.write('a');
  await hears(third.heard, 'a');
});

it('is late when it is slow', async () => {
  const { socket, heard } = await connect();
  link.slow(150);
  const from = performance.now();
  socket.write('a');
  await hears(heard, 'a');
  // There and back.
  expect(performance.now() - from).toBeGreaterThanOrEqual(300);
});

it('carries on while bytes are on their way', async () => {
  const { socket, heard } = await connect();
  link.slow(200);
  const from = performance.now();
  for (const letter of 'abcdefgh') {
    socket.write(letter);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await hears(heard, 'abcdefgh');
  // Eight after each other would take eight times as long.
  expect(performance.now() - from).toBeLessThan(1500);
});
