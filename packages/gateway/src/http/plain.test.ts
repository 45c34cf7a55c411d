import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { createHttpServer, createLogger, createTelemetry, type HotRoute } from '@driftless/runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { Admission } from '../core/admission.ts';
import { type Ends, openApp, withNode } from '../testing/app.ts';
import { takeBodiesAsBytes } from './api.ts';
import { plainRequests } from './plain.ts';

const ends: Ends = [];
/** Its connections are kept: one that is to be closed is not plain. */
let agent = new Agent({ keepAlive: true });
afterEach(async () => {
  agent.destroy();
  agent = new Agent({ keepAlive: true });
  for (const end of ends.splice(0).reverse()) await end();
});

interface Request {
  method: string;
  url: string;
  headers?: Record<string, string>;
  payload?: string;
}

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: string;
}

function send(port: number, { method, url, headers = {}, payload }: Request): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const isChunked = headers['transfer-encoding'] !== undefined;
    const length = payload === undefined || isChunked ? {} : { 'content-length': Buffer.byteLength(payload) };
    const options = { port, method, path: url, headers: { ...length, ...headers }, agent };
    const sending = httpRequest(options, async (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks).toString('utf8');
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
    });
    sending.on('error', reject);
    sending.end(payload);
  });
}

const json = { 'content-type': 'application/json' };
const put = (key: string, payload = '1'): Request => ({
  method: 'PUT',
  url: `/v1/kv/${key}`,
  headers: json,
  payload,
});
const increment = (key: string, payload?: string): Request => ({
  method: 'POST',
  url: `/v1/counters/${key}/increment`,
  ...(payload !== undefined && { headers: json, payload }),
});
const get = (key: string, headers: Record<string, string> = {}): Request => ({
  method: 'GET',
  url: `/v1/kv/${key}`,
  headers,
});

describe('what is taken', () => {
  const handler: HotRoute['handler'] = async ({ body }, reply) => {
    reply
      .code(201)
      .type('text/plain')
      .header('x-way', 'short')
      .send(Buffer.from(`got ${String(body)}`));
  };
  const routes: HotRoute[] = [
    { method: 'PUT', url: '/v1/kv/*', bodyBytesMax: 8, handler },
    { method: 'GET', url: '/v1/kv/*', bodyBytesMax: 0, handler },
  ];

  let shed = 0;

  async function serve(admission: Admission): Promise<number> {
    shed = 0;
    const onShed = (): void => {
      shed += 1;
    };
    const telemetry = createTelemetry({ service: 'gateway', instance: 'test' });
    const app = await createHttpServer({
      logger: createLogger({ process: 'gateway', instance: 'test', level: 'silent' }),
      telemetry,
      bodyLimit: 100,
      ready: () => ({ ok: true }),
      plain: plainRequests(routes, { admission, tracing: undefined, onShed }),
    });
    takeBodiesAsBytes(app);
    const method = ['GET', 'PUT', 'DELETE'];
    app.route({ method, url: '/*', handler: (_request, reply) => reply.send('long way') });
    ends.push(() => app.close());
    return Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port);
  }
  const room = () => new Admission({ requestsMax: 2, bytesMax: 100 });

  it.each([
    ['a value', put('a'), 'got 1'],
    ['a value without a type', { ...put('a'), headers: {} }, 'got 1'],
    ['an empty value', put('a', ''), 'got '],
    ['as much as fits', put('a', '12345678'), 'got 12345678'],
    ['a read with a query', get('a?consistency=leader'), 'got '],
    ['a key with slashes', get('a/b//c'), 'got '],
  ])('%s', async (_, request, body) => {
    const answer = await send(await serve(room()), request);
    expect(answer).toMatchObject({ status: 201, body, headers: { 'x-way': 'short' } });
    expect(answer.headers['content-length']).toBe(String(body.length));
  });

  it.each([
    ['an escape', get('a%2fb')],
    ['a very long target', get('a'.repeat(3000))],
    ['another route', { method: 'GET', url: '/v1/kv' }],
    ['another method', { method: 'DELETE', url: '/v1/kv/a' }],
    ['HEAD', { method: 'HEAD', url: '/v1/kv/a' }],
    ['more than fits', put('a', '123456789')],
    ['a body of unknown length', { ...put('a'), headers: { ...json, 'transfer-encoding': 'chunked' } }],
    ['a type with parameters', { ...put('a'), headers: { 'content-type': 'text/plain; charset=utf-8' } }],
    ['a read with a body', { ...put('a'), method: 'GET' }],
  ])('but not %s', async (_, request) => {
    const answer = await send(await serve(room()), request);
    expect(answer.status).toBe(200);
    expect(answer.body).toBe(request.method === 'HEAD' ? '' : 'long way');
  });

  it('only what there is room for, until it has gone, whole or broken off', async () => {
    const admission = new Admission({ requestsMax: 1, bytesMax: 4 });
    const port = await serve(admission);
    expect((await send(port, put('a', '12345'))).status).toBe(429);
    const socket = connect(port, '127.0.0.1');
    socket.write('PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n12');
    await expect.poll(() => admission.bytes).toBe(4);
    const refused = await send(port, get('a'));
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'overloaded', retryable: true });
    expect(shed).toBe(2);
    socket.destroy();
    await expect.poll(() => admission.requests).toBe(0);
    expect((await send(port, put('a', '1234'))).body).toBe('got 1234');
    await expect.poll(() => admission.requests).toBe(0);
    expect(admission.bytes).toBe(0);
  });
});

describe('a write for which its shard has no room', () => {
  const withoutInstance = ({ status, headers, body }: Answer) => {
    const { date, 'content-length': length, ...rest } = headers;
    expect([typeof date, typeof length]).toEqual(['string', 'string']);
    return { status, headers: rest, body: body.replace(/"instance":"[^"]+"/, '') };
  };

  it('is refused by its head, in the same words as by its handler, until there is room again', async () => {
    const { app, table } = await openApp(ends, { laneWaitingOperationsMax: 1, writeTimeoutMs: 300 });
    const node = await withNode(ends, table);
    node.fault = { type: 'hang' };
    const port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port);
    const metric = async (name: string): Promise<number> => {
      const line = (await app.inject('/metrics')).body.match(new RegExp(`^${name} (\\d+)$`, 'm'));
      return Number(line?.[1] ?? 0);
    };
    const underWay = send(port, put('a'));
    await expect.poll(() => node.writes.length).toBe(1);
    const waiting = send(port, put('b'));
    await expect.poll(() => metric('gateway_lane_waiting_operations{lane="write"}')).toBe(1);
    const byHandler = await send(port, put('c'));
    expect(byHandler).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    // The body never comes.
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    socket.write('PUT /v1/kv/d HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n');
    await expect.poll(() => received).toContain('HTTP/1.1 429 ');
    socket.destroy();
    for (const request of [put('d'), increment('d'), { method: 'DELETE', url: '/v1/kv/d?ack=stream' }])
      expect(withoutInstance(await send(port, request))).toEqual(withoutInstance(byHandler));
    expect(await metric('gateway_shed_requests_total{reason="lane"}')).toBe(5);
    expect(await metric('gateway_writes_total{ack="stream",result="overloaded"}')).toBe(5);
    // Its handler says what is wrong with it, and another level has a lane of its own.
    expect((await send(port, put('d?ack=quorum'))).status).toBe(400);
    expect((await send(port, put('k'.repeat(600)))).status).toBe(400);
    node.fault = undefined;
    expect((await send(port, put('d?ack=leader'))).status).toBe(201);
    await Promise.all([underWay, waiting]);
    expect((await send(port, put('d'))).status).toBe(200);
  });
});

describe('a caller', () => {
  const requests: Request[] = [
    put('a'),
    put('a', '{"b":[1,2]}'),
    put('b', ''),
    put('b', '{'),
    put('b?ttl=0'),
    put('b?other=1'),
    put('b?ack=quorum'),
    put('k'.repeat(600)),
    put('', '1'),
    { ...put('t', 'text'), headers: { 'content-type': 'text/plain' } },
    { ...put('t', 'text'), headers: { ...json, 'content-encoding': 'gzip' } },
    { ...put('t', '1'), headers: { ...json, 'idempotency-key': 'one' } },
    { ...put('t', '1'), headers: { ...json, 'driftless-session': 'x' } },
    { ...put('t', '1'), headers: { ...json, 'if-match': 'x' } },
    get('a'),
    get('t'),
    get('none'),
    get('a?consistency=leader'),
    get('a?consistency=bounded'),
    get('a', { 'if-none-match': '"1-3"' }),
    get('a', { 'if-none-match': '"1-2"' }),
    increment('n'),
    increment('n', '{"by":2}'),
    increment('n', '{"by":0.5}'),
    { method: 'POST', url: '/v1/counters/n' },
    put('unconfirmed'),
    { method: 'DELETE', url: '/v1/kv/a' },
    { method: 'DELETE', url: '/v1/kv/t', headers: { 'if-match': '"1-1"' } },
  ];
  /** What is no ASCII is not plain. */
  const longWay = { 'x-odd': '\xe9' };
  const shown = ({ status, headers, body }: Answer): unknown => ({
    status,
    headers: { ...headers, date: typeof headers.date },
    body: body.replace(/"instance":"[^"]+"/, ''),
  });

  it('cannot tell which way its request went, and neither can the metrics', async () => {
    const answers: unknown[][] = [[], []];
    const counts: string[][] = [];
    for (const way of [0, 1]) {
      const { app, table } = await openApp(ends);
      const node = await withNode(ends, table);
      const result = { error: 'indeterminate' as const, version: '1-7' };
      node.fault = { type: 'result', prefix: 'unconfirmed', result };
      const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }));
      let byNode = 0;
      app.server.on('request', () => {
        byNode += 1;
      });
      for (const request of requests) {
        const headers = { ...request.headers, ...(way === 1 && longWay) };
        answers[way]?.push(shown(await send(Number(port), { ...request, headers })));
      }
      expect(byNode).toBe(way === 0 ? 0 : requests.length);
      const text = (await app.inject('/metrics')).body;
      counts.push(text.match(/^http_request_duration_seconds_count.*$/gm)?.sort() ?? []);
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(counts[0]).toEqual(counts[1]);
    expect(counts[0]?.join()).toContain('method="PUT",route="/v1/kv/*",status="201"');
  });
});
