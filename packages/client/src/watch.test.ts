import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DriftlessClient } from './client.ts';
import type { ClientError } from './error.ts';
import type { ClientOptions, WatchEvent, WatchOptions } from './types.ts';

type Reply = (response: ServerResponse) => void;

const put = (n: number): string => {
  const data = { key: `k${n}`, version: `1-${n}`, shard: 0, committedAt: 'then', value: n };
  return `event: put\nid: t${n}\ndata: ${JSON.stringify(data)}\n\n`;
};
const ready = 'event: ready\nid: t0\ndata: {"shards":1}\n\n';
const errorEvent = (code: string): string => {
  return `event: error\nid: t9\ndata: ${JSON.stringify({ code, detail: 'because', hint: 'do that' })}\n\n`;
};
const text =
  (...parts: string[]): Reply =>
  (response) =>
    void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(parts.join(''));
/** Sends the parts, and then cuts the connection when the client has them. */
const cutAfter =
  (...parts: string[]): Reply =>
  (response) => {
    response.writeHead(200).write(parts.join(''), () => setImmediate(() => response.destroy()));
  };
const stayOpen =
  (...parts: string[]): Reply =>
  (response) =>
    void response.writeHead(200).write(parts.join(''));
const refuse =
  (status: number, code: string): Reply =>
  (response) =>
    void response.writeHead(status).end(JSON.stringify({ code, detail: 'because' }));

describe('client.watch', () => {
  let server: Server;
  let replies: Reply[];
  let seen: IncomingMessage[];
  let client: DriftlessClient;

  beforeEach(async () => {
    [replies, seen] = [[], []];
    server = createServer((request, response) => {
      seen.push(request);
      (replies.shift() ?? refuse(503, 'shutting-down'))(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    await client.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function keys(count: number, watch: WatchOptions = {}, options: Partial<ClientOptions> = {}) {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    client = new DriftlessClient({ baseUrls: url, ...options });
    const shown: WatchEvent[] = [];
    for await (const event of client.watch(watch)) {
      shown.push(event);
      if (shown.length === count) break;
    }
    return shown.map(({ key }) => key);
  }
  const resumedFrom = (): (string | string[] | undefined)[] =>
    seen.map(({ headers }) => headers['last-event-id']);

  it('gives events with what is in them', async () => {
    replies = [stayOpen(ready, put(1))];
    const tokens: string[] = [];
    expect(await keys(1, { prefix: 'a b', onToken: (token) => tokens.push(token) })).toEqual(['k1']);
    expect(seen[0]?.url).toBe('/v1/watch?prefix=a%20b');
    expect(tokens).toEqual(['t0', 't1']);
  });

  it('goes on behind the last whole event, however a connection ended', async () => {
    const half = put(2).slice(0, -8);
    replies = [
      cutAfter(ready, put(1), half),
      refuse(503, 'shutting-down'),
      text(ready, put(2), ': this gateway is shutting down\n\n'),
      text(put(3), ': heartbeat\nid: t4\n\n', errorEvent('watch-too-slow')),
      stayOpen(put(10)),
    ];
    expect(await keys(4)).toEqual(['k1', 'k2', 'k3', 'k10']);
    expect(resumedFrom()).toEqual([undefined, 't1', 't1', 't2', 't9']);
  });

  it('goes to the next gateway when one cannot be reached', async () => {
    replies = [stayOpen(ready, put(1))];
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await keys(1, { after: 't0' }, { baseUrls: ['http://127.0.0.1:1', url] })).toEqual(['k1']);
    expect(resumedFrom()).toEqual(['t0']);
  });

  it('gives a silent connection up', async () => {
    replies = [stayOpen(ready, put(1)), stayOpen(put(2))];
    expect(await keys(2, { silenceMs: 300 })).toEqual(['k1', 'k2']);
  });

  it('throws what no other connection makes better', async () => {
    replies = [text(ready, errorEvent('watch-expired'))];
    const expired = (await keys(1).catch((error: unknown) => error)) as ClientError;
    expect(expired).toMatchObject({ code: 'watch-expired', hint: 'do that' });
    await client.close();
    replies = [refuse(400, 'invalid-parameter')];
    await expect(keys(1)).rejects.toMatchObject({ code: 'invalid-parameter' });
    await client.close();
    await expect(keys(1, {}, { retries: 1 })).rejects.toMatchObject({ code: 'shutting-down' });
    expect(seen).toHaveLength(4);
  });

  it('ends quietly when its signal aborts or the client is closed', async () => {
    replies = [stayOpen(ready), stayOpen(ready)];
    const gone = new AbortController();
    expect(await keys(1, { signal: gone.signal, onToken: () => gone.abort() })).toEqual([]);
    await client.close();
    expect(await keys(1, { onToken: () => void client.close() })).toEqual([]);
  });
});
