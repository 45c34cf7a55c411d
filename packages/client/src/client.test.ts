import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DriftlessClient } from './client.ts';
import { ClientError } from './error.ts';
import type { ClientOptions } from './types.ts';

interface Seen {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}
type Reply = (response: ServerResponse, seen: Seen) => void;

const headers = {
  etag: '"3-120"',
  'driftless-node': 'node-1',
  'driftless-position': '3-121',
  'driftless-lag-ms': '12',
  'driftless-lag-ops': '1',
};
const standing = { node: 'node-1', position: '3-121', lagMs: 12, lagOps: 1 };
const written = JSON.stringify({ key: 'k', version: '3-120', created: true, ack: 'stream' });

const answer =
  (status: number, body = '', more: Record<string, string> = {}): Reply =>
  (response) =>
    response.writeHead(status, { ...headers, ...more }).end(body);
const problem = (status: number, code: string, more = {}, extra = {}): Reply =>
  answer(
    status,
    JSON.stringify({ code, detail: 'because', hint: 'do that', retryable: true, ...extra }),
    more,
  );
const hangUp: Reply = (response) => response.destroy();

describe('the client', () => {
  let server: Server;
  let seen: Seen[];
  let replies: Reply[];
  let clients: DriftlessClient[];

  beforeEach(async () => {
    seen = [];
    replies = [];
    clients = [];
    server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const { method, url, headers } = request;
      const one = { method, url, headers, body };
      seen.push(one);
      (replies.shift() ?? answer(500))(response, one);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  function url(): string {
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  function client(options: Partial<ClientOptions> = {}): DriftlessClient {
    const made = new DriftlessClient({ baseUrls: url(), ...options });
    clients.push(made);
    return made;
  }

  it('puts with its options, and tells who kept it', async () => {
    replies = [answer(201, written)];
    const done = await client({ ack: 'all' }).put('a/b ü', 'text', { ttlSeconds: 5, ifMatch: '3-119' });
    expect(done).toEqual({ key: 'k', version: '3-120', created: true, ack: 'stream', ...standing });
    expect(seen[0]).toMatchObject({
      method: 'PUT',
      url: '/v1/kv/a%2Fb%20%C3%BC?ack=all&ttl=5',
      body: 'text',
      headers: { 'content-type': 'text/plain; charset=utf-8', 'if-match': '"3-119"' },
    });
  });

  it('carries its session from answer to request, or none when it is told so', async () => {
    const token = (text: string) => ({ 'driftless-session': text });
    replies = [answer(201, written, token('a')), problem(412, 'session-rolled-back', token('b'))];
    const one = client();
    await one.put('k', 'x');
    await expect(one.put('k', 'x')).rejects.toMatchObject({ code: 'session-rolled-back' });
    replies = [answer(200, 'x', token('c')), answer(200, 'x', token('d')), answer(200, 'x', token('e'))];
    await one.get('k', { maxStalenessMs: 50 });
    await one.withSession('t').get('k');
    await client({ session: false }).get('k');
    const sent = seen.map(({ headers: { 'driftless-session': session } }) => session);
    expect(sent).toEqual([undefined, 'a', 'b', 't', undefined]);
    expect(one.session?.token).toBe('c');
    expect(seen[2]?.url).toBe('/v1/kv/k?consistency=bounded&maxStalenessMs=50');
  });

  it('does not let a URL parser near a key of dots', async () => {
    replies = [answer(200, 'x')];
    await client().get('../..');
    expect(seen[0]?.url).toBe('/v1/kv/..%2F..');
  });

  it('gets bytes, JSON and heads', async () => {
    replies = [answer(200, '{"a":1}', { 'content-type': 'application/json' })];
    expect(await client().getJson('k', { consistency: 'leader' })).toEqual({
      version: '3-120',
      contentType: 'application/json',
      bytes: 7,
      value: { a: 1 },
      ...standing,
    });
    expect(seen[0]?.url).toBe('/v1/kv/k?consistency=leader');
    replies = [answer(200, '', { 'content-length': '9', 'content-type': 'text/plain' })];
    expect(await client().head('k')).toMatchObject({ bytes: 9, contentType: 'text/plain' });
  });

  it('throws the code, the hint and the version of a problem', async () => {
    replies = [problem(412, 'precondition-failed', {}, { version: '3-7' })];
    const error = await client()
      .put('k', 'x', { ifNoneMatch: '*' })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ClientError);
    expect(error).toMatchObject({
      code: 'precondition-failed',
      status: 412,
      hint: 'do that',
      version: '3-7',
    });
    expect(seen).toHaveLength(1);
    expect(seen[0]?.headers['if-none-match']).toBe('*');
  });

  it('lists page after page', async () => {
    const entry = (key: string) => ({ key, version: '1-1', contentType: 'text/plain', bytes: 0 });
    replies = [
      answer(200, JSON.stringify({ entries: [entry('a'), entry('b')], next: 'c==' })),
      answer(200, JSON.stringify({ entries: [entry('c')] })),
    ];
    const keys: string[] = [];
    for await (const { key } of client().entries({ prefix: '', limit: 2, values: false })) keys.push(key);
    expect(keys).toEqual(['a', 'b', 'c']);
    expect(seen[1]?.url).toBe('/v1/kv?prefix=&limit=2&cursor=c%3D%3D&values=false');
  });

  it('tells what a request is a part of, asked once for all its attempts', async () => {
    const contexts = ['00-a-b-01', undefined];
    const asking = client({ traceparent: () => contexts.shift() });
    replies = [
      problem(429, 'overloaded', { 'retry-after': '0' }),
      answer(201, written),
      answer(201, written),
    ];
    await asking.put('a', '1');
    await asking.put('a', '1');
    expect(seen.map((one) => one.headers.traceparent)).toEqual(['00-a-b-01', '00-a-b-01', undefined]);
  });

  it('retries what was refused, under one Idempotency-Key, and honours Retry-After', async () => {
    replies = [problem(503, 'no-leader', { 'retry-after': '1' }), answer(200, written)];
    const startedAt = performance.now();
    await client().put('k', 'x');
    expect(performance.now() - startedAt).toBeGreaterThan(950);
    const keys = seen.map(({ headers }) => headers['idempotency-key']);
    expect(keys[0]).toBeTruthy();
    expect(keys).toEqual([keys[0], keys[0]]);
  });

  it('retries a write without an answer only under an Idempotency-Key', async () => {
    replies = [hangUp, answer(200, JSON.stringify({ key: 'k', value: 3, version: '1-1' }))];
    expect(await client().increment('k', 2)).toMatchObject({ value: 3 });
    expect(seen[1]?.body).toBe('{"by":2}');
    replies = [hangUp, answer(200, written)];
    const bare = client().put('k', 'x', { idempotencyKey: false });
    await expect(bare).rejects.toMatchObject({ code: 'indeterminate', status: 504 });
    expect(seen).toHaveLength(3);
  });

  it('retries a write that was not confirmed, to hear its first answer', async () => {
    replies = [problem(504, 'indeterminate'), answer(200, written)];
    expect(await client().put('k', 'x', { idempotencyKey: 'mine' })).toMatchObject({ version: '3-120' });
    expect(seen.map(({ headers }) => headers['idempotency-key'])).toEqual(['mine', 'mine']);
  });

  it('retries reads without an answer, up to its bound', async () => {
    replies = [hangUp, hangUp, answer(200, 'x')];
    await client({ retries: 2 }).get('k');
    replies = [hangUp, hangUp, answer(200, 'x')];
    await expect(client({ retries: 1 }).get('k')).rejects.toMatchObject({ code: 'upstream-timeout' });
  });

  it('goes to the next gateway when one takes no connections', async () => {
    replies = [answer(200, 'x')];
    const both = client({ baseUrls: ['http://127.0.0.1:1', url()] });
    expect(await both.get('k')).toMatchObject({ version: '3-120' });
    const none = client({ baseUrls: 'http://127.0.0.1:1', retries: 0 });
    const error = (await none.get('k').catch((thrown: unknown) => thrown)) as ClientError;
    expect(error).toMatchObject({ code: 'replica-unavailable' });
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('says when it is not talking to a gateway', async () => {
    replies = [answer(200, '<html>')];
    await expect(client().cluster()).rejects.toMatchObject({ code: 'invalid-value' });
    replies = [answer(200, '{}')];
    await expect(client().cluster()).rejects.toMatchObject({ code: 'internal' });
    await expect(client().get('\ud800')).rejects.toMatchObject({ code: 'invalid-key' });
  });
});
