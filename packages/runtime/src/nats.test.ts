import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLogger, type Logger } from './log.ts';
import { connectNats, type NatsLink, type NatsLinkStatus } from './nats.ts';
import { freePort } from './port.ts';
import { FakeNatsServer } from './testing/fake-nats-server.ts';
import { waitUntil } from './wait.ts';

let port: number;
let server: FakeNatsServer;
let link: NatsLink | undefined;
let logged: string[];
let logger: Logger;

beforeEach(async () => {
  port = await freePort();
  server = new FakeNatsServer(port);
  logged = [];
  const destination = { write: (line: string) => void logged.push(line) };
  logger = createLogger({ process: 'test', instance: 'test-1', level: 'debug', destination });
});
afterEach(async () => {
  await link?.close();
  link = undefined;
  await server.stop();
});

const until = (what: string, condition: () => boolean): Promise<boolean> =>
  waitUntil(condition, { timeoutMs: 10_000, intervalMs: 5, what });

test('waits for a server that comes later, and says so', async () => {
  const connecting = connectNats({ url: `nats://127.0.0.1:${port}`, name: 'test', logger });
  await until('a line that says it waits', () => logged.some((line) => line.includes('does not answer yet')));
  await server.start();
  link = await connecting;
  expect(link.isConnected()).toBe(true);
});

test('the wait ends at a signal', async () => {
  const stopping = new AbortController();
  const connecting = connectNats({ url: `127.0.0.1:${port}`, name: 'test', logger, signal: stopping.signal });
  stopping.abort(new Error('stopping'));
  await expect(connecting).rejects.toThrow();
});

test('credentials in the URL reach the server, and no log', async () => {
  await server.start();
  link = await connectNats({ url: `nats://ann:hunter%402@127.0.0.1:${port}`, name: 'test', logger });
  expect(server.connects[0]).toMatchObject({ user: 'ann', pass: 'hunter@2', name: 'test' });
  expect(logged.join()).not.toContain('hunter');
});

test('refused credentials end it', async () => {
  await server.start({ refuse: true });
  await expect(connectNats({ url: `127.0.0.1:${port}`, name: 'test', logger })).rejects.toThrow(
    /authorization/i,
  );
});

test('tells of disconnects and reconnects', async () => {
  await server.start();
  const seen: NatsLinkStatus['type'][] = [];
  link = await connectNats({
    url: `127.0.0.1:${port}`,
    name: 'test',
    logger,
    onStatus: ({ type }) => void seen.push(type),
  });
  await server.stop();
  await until('a disconnect', () => link?.isConnected() === false);
  await server.start();
  await until('a reconnect', () => link?.isConnected() === true);
  expect(seen).toEqual(['connected', 'disconnected', 'connected']);
});

test('a server that hangs is noticed by its missing pongs', async () => {
  await server.start();
  const seen: NatsLinkStatus['type'][] = [];
  link = await connectNats({ url: `127.0.0.1:${port}`, name: 'test', logger, pingIntervalMs: 20 });
  const stopListening = link.onStatus(({ type }) => void seen.push(type));
  server.hang();
  await until('the connection to be stale', () => seen.includes('stale'));
  stopListening();
});

test('a connection that closes although nobody asked is fatal; one that was closed is not', async () => {
  await server.start();
  const fatal: Error[] = [];
  const options = {
    url: `127.0.0.1:${port}`,
    name: 'test',
    logger,
    onFatal: (error: Error) => void fatal.push(error),
  };
  const closed = await connectNats(options);
  await closed.close();
  expect(fatal).toEqual([]);
  link = await connectNats(options);
  await link.nc.close();
  await until('the fatal callback', () => fatal.length === 1);
  expect(fatal[0]?.message).toContain('closed for good');
});
