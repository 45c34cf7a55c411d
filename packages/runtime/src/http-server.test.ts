import { once } from 'node:events';
import { connect } from 'node:net';
import { DriftlessError, problemSchema } from '@driftless/contracts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createHttpServer, type HttpServer, type ReadyState } from './http-server.ts';
import { createLogger } from './log.ts';
import { createTelemetry, type Telemetry } from './telemetry.ts';

let app: HttpServer;
let telemetry: Telemetry;
let ready: ReadyState;
let logged: string[];

beforeEach(async () => {
  ready = { ok: true };
  logged = [];
  telemetry = createTelemetry({ service: 'test', instance: 'test-1' });
  const destination = { write: (line: string) => void logged.push(line) };
  app = await createHttpServer({
    logger: createLogger({ process: 'test', instance: 'test-1', level: 'info', destination }),
    telemetry,
    bodyLimit: 64,
    ready: () => ready,
    openapi: { title: 'Test', version: '1' },
  });
  app.get(
    '/v1/kv/:key',
    { schema: { params: z.object({ key: z.string().max(8) }) } },
    ({ params }) => params,
  );
  app.post(
    '/v1/batch',
    { schema: { body: z.object({ n: z.number() }), response: { 200: z.object({ n: z.number() }) } } },
    ({ body }) => body,
  );
  app.get('/overloaded', () =>
    Promise.reject(
      new DriftlessError('overloaded', 'Too much.', { hint: 'Slow down.', retryAfterSeconds: 1.2 }),
    ),
  );
  app.get('/broken', () => Promise.reject(new Error('SELECT secret FROM /var/lib')));
});
afterEach(async () => {
  await app.close();
  await telemetry.shutdown();
});

const json = { 'content-type': 'application/json' };

describe('health', () => {
  test('live, and ready when it says so', async () => {
    expect((await app.inject('/livez')).statusCode).toBe(200);
    expect((await app.inject('/readyz')).json()).toEqual({ status: 'ready' });
    ready = { ok: false, reason: 'NATS is out of reach' };
    const response = await app.inject('/readyz');
    expect(response.statusCode).toBe(503);
    expect(response.json()).toMatchObject({ status: 'not ready', reason: 'NATS is out of reach' });
    expect((await app.inject('/livez')).statusCode).toBe(200);
  });
});

describe('problems', () => {
  test.each([
    ['an unknown path', { url: '/nope' }, 404, 'not-found'],
    ['an unknown method', { method: 'DELETE', url: '/v1/kv/a' }, 405, 'method-not-allowed'],
    ['a rare method', { method: 'PROPFIND', url: '/v1/kv/a' }, 405, 'method-not-allowed'],
    [
      'a large body',
      { method: 'POST', url: '/v1/batch', payload: `"${'x'.repeat(64)}"`, headers: json },
      413,
      'value-too-large',
    ],
    [
      'a media type',
      { method: 'POST', url: '/v1/batch', payload: '<n/>', headers: { 'content-type': 'text/xml' } },
      415,
      'unsupported-media-type',
    ],
    ['broken JSON', { method: 'POST', url: '/v1/batch', payload: '{', headers: json }, 400, 'bad-request'],
    ['an empty body', { method: 'POST', url: '/v1/batch', payload: '', headers: json }, 400, 'bad-request'],
    [
      'a poisoned body',
      { method: 'POST', url: '/v1/batch', payload: '{"__proto__":{}}', headers: json },
      400,
      'bad-request',
    ],
    [
      'a wrong member',
      { method: 'POST', url: '/v1/batch', payload: '{"n":"1"}', headers: json },
      400,
      'bad-request',
    ],
    ['a wrong parameter', { url: '/v1/kv/123456789' }, 400, 'invalid-parameter'],
    ['a key that is not UTF-8', { url: '/v1/kv/%FF' }, 400, 'invalid-key'],
    ['a key with a broken escape', { url: '/v1/kv/%2' }, 400, 'invalid-key'],
    ['an endless parameter', { url: `/v1/kv/${'a'.repeat(5000)}` }, 400, 'bad-request'],
  ] as const)('%s', async (_what, request, status, code) => {
    const response = await app.inject(request);
    expect(response.statusCode).toBe(status);
    expect(response.headers['content-type']).toContain('application/problem+json');
    expect(problemSchema.parse(response.json())).toMatchObject({
      type: `urn:driftless:error:${code}`,
      status,
      code,
    });
    expect(logged).toEqual([]);
  });

  test('405 says which methods there are', async () => {
    const response = await app.inject({ method: 'PUT', url: '/v1/kv/a?x=1' });
    expect(response.headers.allow).toBe('GET, HEAD');
  });

  test('validation names the members', async () => {
    const response = await app.inject({ method: 'POST', url: '/v1/batch', payload: '{}', headers: json });
    expect(response.json()).toMatchObject({ errors: [{ path: 'body/n' }] });
  });

  test("a route's own error is told by the table, with Retry-After", async () => {
    const response = await app.inject('/overloaded');
    expect(response.statusCode).toBe(429);
    expect(response.headers['retry-after']).toBe('2');
    expect(response.json()).toMatchObject({ code: 'overloaded', hint: 'Slow down.', retryable: true });
  });

  test('an unknown error leaks nothing, and is logged', async () => {
    const response = await app.inject('/broken');
    expect(response.statusCode).toBe(500);
    expect(response.body).not.toMatch(/SELECT|\/var|stack|http-server/);
    expect(logged.join()).toContain('SELECT secret');
  });

  test('what is no HTTP at all is answered as a problem, and the server lives', async () => {
    const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }));
    const socket = connect(Number(port), '127.0.0.1');
    socket.end('NOT HTTP\r\n\r\n');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ code: 'bad-request' });
    expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200);
  });
});

test('while it closes, what was begun is finished, and what comes on its connection is told so', async () => {
  const begun = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  app.addHook('onError', async () => finish.resolve());
  app.get('/slow', async () => {
    begun.resolve();
    await finish.promise;
    return { done: true };
  });
  const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }));
  const socket = connect(Number(port), '127.0.0.1');
  let answers = '';
  socket.on('data', (chunk) => {
    answers += chunk.toString();
  });
  socket.write('GET /slow HTTP/1.1\r\nHost: test\r\n\r\n');
  await begun.promise;
  const closed = app.close();
  const body = '{"n":1}';
  socket.write(`POST /v1/batch HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n`);
  socket.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
  await Promise.all([closed, once(socket, 'close')]);
  const [first = '', second = ''] = answers.split(/(?=HTTP\/1\.1 )/);
  expect(first).toMatch(/^HTTP\/1\.1 200 [\s\S]*"done":true/);
  expect(second).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after: 1\r\n/);
  expect(second).toMatch(/^connection: close\r$/im);
  const problem = problemSchema.parse(JSON.parse(second.slice(second.indexOf('\r\n\r\n'))));
  expect(problem).toMatchObject({ code: 'shutting-down', retryable: true });
});

test('a caller that keeps its connection after its answer does not hold up the closing', async () => {
  const begun = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  app.addHook('preClose', (done) => {
    // Answered once the framework has begun to close and has looked for idle connections.
    setImmediate(() => finish.resolve());
    done();
  });
  app.get('/held', async () => {
    begun.resolve();
    await finish.promise;
    return { done: true };
  });
  const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }));
  const socket = connect(Number(port), '127.0.0.1');
  socket.resume();
  socket.write('GET /held HTTP/1.1\r\nHost: test\r\n\r\n');
  await begun.promise;
  const startedAt = performance.now();
  await Promise.all([app.close(), once(socket, 'close')]);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});

test('requests are measured by the pattern of their route, never by the path', async () => {
  await app.inject('/v1/kv/a');
  await app.inject('/v1/kv/b');
  await app.inject('/nope/c');
  const text = (await app.inject('/metrics')).body;
  expect(text).toContain(
    'http_request_duration_seconds_count{method="GET",route="/v1/kv/:key",status="200"} 2',
  );
  expect(text).toContain('http_request_duration_seconds_count{method="GET",route="(none)",status="404"} 1');
  expect(text).not.toContain('/nope');
});

test('documents itself', async () => {
  const document = (await app.inject('/openapi.json')).json<{ paths: object }>();
  expect(Object.keys(document.paths)).toEqual(['/v1/kv/{key}', '/v1/batch', '/overloaded', '/broken']);
  expect((await app.inject('/docs')).statusCode).toBe(200);
});
