/** `GET /v1/watch` as a client on the wire sees it: its events, its bounds, and how it ends. */
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { DriftlessClient } from '@driftless/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../harness/cluster.ts';
import { Load } from '../../harness/load.ts';
import { Watching, watchProblems } from '../../harness/watching.ts';
import { send } from './raw.ts';

const watchersMax = 4;
const mebibyte = 1024 * 1024;

/** An event stream that is read only while it is told to. */
class Stream {
  text = '';
  ended = false;
  readonly #request: ClientRequest;
  readonly #response: IncomingMessage;

  private constructor(sent: ClientRequest, response: IncomingMessage) {
    this.#request = sent;
    this.#response = response;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      this.text += chunk;
    });
    response.on('close', () => {
      this.ended = true;
    });
    response.on('error', () => undefined);
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<Stream> {
    const sent = request(`${url}`, { headers });
    sent.on('error', () => undefined);
    sent.end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    return new Stream(sent, response);
  }

  pause(): void {
    this.#response.pause();
  }

  resume(): void {
    this.#response.resume();
  }

  close(): void {
    this.#request.destroy();
  }

  /** Whole events: type, id and parsed data. */
  get events(): { type: string; id: string; data: Record<string, unknown> }[] {
    return this.text
      .split('\n\n')
      .slice(0, -1)
      .filter((event) => event.startsWith('event: '))
      .map((event) => {
        const data = [...event.matchAll(/^data: (.*)$/gm)].map(([, line]) => line).join('\n');
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(event)?.[1] ?? '';
        return { type: field('event'), id: field('id'), data: JSON.parse(data) as Record<string, unknown> };
      });
  }
}

describe('GET /v1/watch', () => {
  let cluster: TestCluster;
  let client: DriftlessClient;
  const streams: Stream[] = [];
  const watchings: Watching[] = [];

  beforeAll(async () => {
    cluster = await TestCluster.start({
      shards: 2,
      gatewayEnv: {
        DRIFTLESS_WATCHERS_MAX: String(watchersMax),
        DRIFTLESS_WATCH_HEARTBEAT_MS: '200',
        DRIFTLESS_WATCH_BUFFER_BYTES_MAX: String(4 * mebibyte),
      },
      nodeEnv: {
        DRIFTLESS_LOG_BYTES_MIN: String(24 * mebibyte),
        DRIFTLESS_LOG_BYTES_MAX: String(24 * mebibyte),
      },
    });
    client = new DriftlessClient({ baseUrls: cluster.gatewayUrl });
  });
  afterEach(async () => {
    for (const stream of streams.splice(0)) stream.close();
    await Promise.all(watchings.splice(0).map((watching) => watching.end()));
    await cluster.until('no watcher to be left', async () => (await metric('gateway_watchers')) === 0);
  });
  afterAll(async () => {
    await client?.close();
    await cluster?.stop();
  });

  async function open(query = '', headers?: Record<string, string>): Promise<Stream> {
    const stream = await Stream.open(`${cluster.gatewayUrl}/v1/watch${query}`, headers);
    streams.push(stream);
    await cluster.until('the watch to be ready', async () => stream.events.length > 0);
    return stream;
  }

  async function metric(name: string): Promise<number> {
    const text = await (await fetch(`${cluster.gatewayUrl}/metrics`)).text();
    return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text)?.[1]);
  }

  it('shows puts and deletions under a prefix, as they are', async () => {
    const stream = await open('?prefix=show%2F');
    expect(stream.events[0]).toMatchObject({ type: 'ready', data: { shards: 2 } });
    const first = await client.put('show/a', '{\n "a": [1]\n}', {
      contentType: 'application/json',
      ttlSeconds: 60,
    });
    await client.put('other', 'not shown');
    const second = await client.put('show/a', Uint8Array.of(255));
    const third = await client.delete('show/a');
    await cluster.until('three events', async () => stream.events.length === 4);
    const data = stream.events.slice(1).map((event) => [event.type, event.data]);
    const common = { key: 'show/a', shard: expect.any(Number), committedAt: expect.stringMatching(/Z$/) };
    const json = {
      contentType: 'application/json',
      value: { a: [1] },
      expiresAt: expect.stringMatching(/Z$/),
    };
    const bytes = { contentType: 'application/octet-stream', valueBase64: '/w==' };
    expect(data).toEqual([
      ['put', { ...common, version: first.version, ...json }],
      ['put', { ...common, version: second.version, ...bytes }],
      ['delete', { ...common, version: third.version }],
    ]);
  });

  it('goes on behind any event, in the middle of a batch too, by header or parameter', async () => {
    const stream = await open('?prefix=many%2F');
    const operations = Array.from({ length: 40 }, (_, i) => ({
      op: 'put' as const,
      key: `many/${i}`,
      value: i,
    }));
    await client.batch(operations);
    await cluster.until('all events', async () => stream.events.length === 41);
    const whole = stream.events;
    for (const cut of [0, 1, 7, 20, 39]) {
      const { id } = whole[cut] as { id: string };
      // The header is newer than the parameter of a URL that a browser reconnects to.
      const after = `&after=${whole[0]?.id}`;
      const rest = await (cut % 2
        ? open(`?prefix=many%2F&after=${id}`)
        : open(`?prefix=many%2F${after}`, { 'last-event-id': id }));
      await cluster.until('the rest', async () => rest.events.length >= 41 - cut);
      const keys = (events: typeof whole) =>
        events
          .slice(1)
          .map(({ data }) => data.key as string)
          .sort();
      expect(keys(rest.events)).toEqual(keys(whole.slice(cut)));
      rest.close();
    }
  });

  it('is sent signs of life that move the token on', async () => {
    const stream = await open('?prefix=quiet%2F');
    const before = stream.events[0]?.id;
    await client.put('loud', 'x');
    await cluster.until('a heartbeat with another token', async () => {
      const ids = [...stream.text.matchAll(/^: heartbeat\nid: (.*)$/gm)].map(([, id]) => id);
      return ids.some((id) => id !== before);
    });
    expect(stream.events).toHaveLength(1);
  });

  it('cuts a slow reader off with the reason, and it goes on from there', async () => {
    const stream = await open('?prefix=slow%2F');
    stream.pause();
    const value = 'x'.repeat(500_000);
    const count = 60;
    for (let i = 0; i < count; i += 1)
      await client.put(`slow/${i}`, `${i} ${value}`, { contentType: 'text/plain' });
    stream.resume();
    await cluster.until('the end of the stream', async () => stream.ended);
    const last = stream.events.at(-1);
    expect(last).toMatchObject({
      type: 'error',
      data: { code: 'watch-too-slow', status: 429, retryable: true },
    });
    expect(stream.events.length).toBeLessThan(count);
    expect(await metric('gateway_watch_buffer_bytes')).toBeLessThanOrEqual(2 * 4 * mebibyte);
    const rest = await open(`?prefix=slow%2F&after=${last?.id}`);
    const keys = () => [...stream.events, ...rest.events].flatMap(({ data }) => (data.key as string) ?? []);
    await cluster.until('the rest', async () => keys().length >= count);
    expect(keys().sort()).toEqual(Array.from({ length: count }, (_, i) => `slow/${i}`).sort());
  });

  it('cuts a connection that takes nothing at all', async () => {
    const other = await cluster.addGateway('gateway-3', { DRIFTLESS_WATCH_STALL_MS: '500' });
    const stream = await Stream.open(`${other.url}/v1/watch`);
    streams.push(stream);
    stream.pause();
    await cluster.until('it to be cut', async () => {
      await client.put('stalled', 'x'.repeat(500_000));
      const text = await (await fetch(`${other.url}/metrics`)).text();
      return /^gateway_watches_ended_total\{.*reason="too-slow".*\} 1/m.test(text);
    });
    await other.process.end();
  });

  it('ends with a problem when the log does not reach back any more', async () => {
    const stream = await open();
    await client.put('early', 'x');
    await cluster.until('its event', async () => stream.events.length > 1);
    const { id } = stream.events[0] as { id: string };
    await cluster.until('every log to be trimmed', async () => {
      const fill = Array.from({ length: 8 }, (_, i) => client.put(`fill/${i}`, 'x'.repeat(500_000)));
      await Promise.all(fill);
      const statuses = await Promise.all(cluster.nodes.map(({ name }) => cluster.status(name)));
      return statuses.every(({ shards }) => shards.every(({ log }) => (log?.firstSeq ?? 0) > 1));
    });
    const late = await open(`?after=${id}`);
    await cluster.until('the end of the stream', async () => late.ended);
    expect(late.events.at(-1)).toMatchObject({ type: 'error', data: { code: 'watch-expired', status: 410 } });
    const watching = await Watching.begin({ urls: [cluster.gatewayUrl], after: id });
    watchings.push(watching);
    await expect(watching.until('its end', () => false)).rejects.toMatchObject({ code: 'watch-expired' });
  });

  it('refuses what it cannot serve, and has no HEAD', async () => {
    const refused = async (path: string, method = 'GET', headers = {}) => {
      const { status, json } = await send(cluster.gatewayUrl, { method, path, headers });
      return [status, json?.code];
    };
    expect(await refused('/v1/watch?after=x')).toEqual([400, 'invalid-parameter']);
    expect(await refused('/v1/watch', 'GET', { 'last-event-id': 'x' })).toEqual([400, 'invalid-parameter']);
    expect(await refused('/v1/watch?perfix=a')).toEqual([400, 'invalid-parameter']);
    expect(await refused(`/v1/watch?prefix=${'x'.repeat(513)}`)).toEqual([400, 'invalid-parameter']);
    expect((await refused('/v1/watch', 'HEAD'))[0]).toBe(405);
    for (let i = 0; i < watchersMax; i += 1) await open();
    expect(await refused('/v1/watch')).toEqual([429, 'overloaded']);
  });

  it('says good-bye when its gateway shuts down, and is taken up at another one', async () => {
    const other = await cluster.addGateway('gateway-2');
    const stream = await Stream.open(`${other.url}/v1/watch`);
    const watching = await Watching.begin({ urls: [other.url, cluster.gatewayUrl], prefix: 'drain/' });
    watchings.push(watching);
    const load = new Load(cluster, { perSecond: 100, ack: 'stream', name: 'drain' });
    await load.more(50);
    await other.process.signal('SIGTERM');
    expect(other.process.output()).not.toContain('not drained in time');
    await load.more(50);
    const history = await load.stop();
    await watching.shown(history);
    expect(watchProblems(watching.events, history)).toEqual([]);
    expect(stream.text.endsWith(': this gateway is shutting down\n\n')).toBe(true);
  });
});
