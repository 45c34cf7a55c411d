import { once } from 'node:events';
import { connect } from 'node:net';
import { DriftlessError } from '@driftless/contracts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHttpServer, type HttpServer } from './http-server.ts';
import { createLogger } from './log.ts';
import { createTelemetry, type Telemetry } from './telemetry.ts';

let app: HttpServer;
let telemetry: Telemetry;
let origin: string;
let hold: PromiseWithResolvers<void> | undefined;

/** `/way/*` has the framework, too; the shortcut takes all of it but `/way/long`. */
beforeEach(async () => {
  hold = undefined;
  telemetry = createTelemetry({ service: 'test', instance: 'test-1' });
  app = await createHttpServer({
    logger: createLogger({ process: 'test', instance: 'test-1', level: 'silent' }),
    telemetry,
    bodyLimit: 64,
    ready: () => ({ ok: true }),
    shortcut: (request, response, { refuse }) => {
      if (!request.url?.startsWith('/way/') || request.url === '/way/long') return undefined;
      const answer = async (): Promise<void> => {
        await hold?.promise;
        response.setHeader('x-seen', 'yes');
        if (request.url === '/way/refused') refuse(new DriftlessError('overloaded', 'Not now.'));
        else response.writeHead(200).end('short');
      };
      void answer();
      return '/way/*';
    },
  });
  app.get('/way/*', (_request, reply) => reply.send('long'));
  origin = await app.listen({ port: 0, host: '127.0.0.1' });
});
afterEach(async () => {
  await app.close();
  await telemetry.shutdown();
});

test('a shortcut answers what it takes, and the framework what it leaves', async () => {
  expect(await (await fetch(`${origin}/way/a`)).text()).toBe('short');
  expect(await (await fetch(`${origin}/way/long`)).text()).toBe('long');
  expect((await fetch(`${origin}/nope`)).status).toBe(404);
});

test('what a shortcut refuses is told as a problem, with the headers that it has set', async () => {
  const answer = await fetch(`${origin}/way/refused`);
  expect(answer.status).toBe(429);
  expect(Object.fromEntries(answer.headers)).toMatchObject({ 'x-seen': 'yes', 'retry-after': '1' });
  expect(await answer.json()).toMatchObject({ code: 'overloaded', detail: 'Not now.' });
});

test('each request is counted once, whichever way it went', async () => {
  for (const path of ['a', 'b', 'long', 'refused']) await (await fetch(`${origin}/way/${path}`)).text();
  const text = await (await fetch(`${origin}/metrics`)).text();
  expect(text.match(/^http_request_duration_seconds_count.*"\/way.*$/gm)?.sort()).toEqual([
    'http_request_duration_seconds_count{method="GET",route="/way/*",status="200"} 3',
    'http_request_duration_seconds_count{method="GET",route="/way/*",status="429"} 1',
  ]);
  expect(text).toMatch(/^http_requests_in_flight 1$/m);
});

test('while the server closes, what a shortcut has begun is finished, refused or not', async () => {
  hold = Promise.withResolvers<void>();
  const sockets = ['a', 'refused'].map((path) => {
    const socket = connect(Number(new URL(origin).port), '127.0.0.1');
    socket.write(`GET /way/${path} HTTP/1.1\r\nHost: test\r\n\r\n`);
    const seen = { answers: '', socket };
    socket.on('data', (chunk) => {
      seen.answers += chunk.toString();
    });
    return seen;
  });
  await expect.poll(() => new Promise((resolve) => app.server.getConnections((_, n) => resolve(n)))).toBe(2);
  await (await fetch(`${origin}/livez`)).text();
  const ends = sockets.map(({ socket }) => once(socket, 'close'));
  const closed = app.close();
  sockets[0]?.socket.write('GET /way/b HTTP/1.1\r\nHost: test\r\n\r\n');
  await expect.poll(() => app.server.listening).toBe(false);
  hold.resolve();
  await Promise.all([closed, ...ends]);
  const [first = '', second = ''] = (sockets[0]?.answers ?? '').split(/(?=HTTP\/1\.1 )/);
  expect(first).toMatch(/^HTTP\/1\.1 200 [\s\S]*short/);
  expect(second).toMatch(/^HTTP\/1\.1 503 [\s\S]*"code":"shutting-down"/);
  expect(second).toMatch(/^connection: close\r$/im);
  expect(sockets[1]?.answers).toMatch(/^HTTP\/1\.1 429 [\s\S]*"code":"overloaded"/);
});
