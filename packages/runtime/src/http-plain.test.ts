import { afterEach, describe, expect, test } from 'vitest';
import type { PlainExchange } from './http-exchange.ts';
import { get, PlainApp, type PlainAppOptions, put, RawClient } from './testing/plain-app.ts';

const apps: PlainApp[] = [];
const clients: RawClient[] = [];
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  for (const app of apps.splice(0)) await app.stop();
});

async function start(options: PlainAppOptions = {}): Promise<PlainApp> {
  const app = await PlainApp.start(options);
  apps.push(app);
  return app;
}

function open({ port }: PlainApp): RawClient {
  const client = new RawClient(port);
  clients.push(client);
  return client;
}

const bodiesOf = (client: RawClient): string[] =>
  client.answers.map((answer) => answer.slice(answer.indexOf('\r\n\r\n') + 4));
const statusesOf = (client: RawClient): number[] =>
  client.answers.map((answer) => Number(answer.slice(9, 12)));
const count = (status: number, method = 'GET'): string =>
  `http_request_duration_seconds_count{method="${method}",route="/way/*",status="${status}"}`;

describe('which way', () => {
  test('what is plain goes past Node, and its connection goes on', async () => {
    const app = await start();
    const client = open(app);
    await client.send(put('/way/a', 'one'));
    await expect.poll(() => bodiesOf(client)).toEqual(['/way/a one']);
    await client.send(get('/way/b?c=d', 'X-A:b\r\nX-B:   c d   \r\n'));
    await expect.poll(() => bodiesOf(client)).toEqual(['/way/a one', '/way/b?c=d ']);
    await client.send(get('/way/c', `X-A: ${'a'.repeat(5000)}\r\n`));
    await expect.poll(() => bodiesOf(client)[2]).toBe('/way/c ');
    expect(app.byNode).toBe(0);
  });

  test('the first that is not takes its connection over to Node, for good', async () => {
    const app = await start();
    const client = open(app);
    await client.send(get('/way/a') + get('/way/b', 'X-Odd: \xe9\r\n') + get('/way/c') + get('/way/d'));
    await expect.poll(() => bodiesOf(client)).toEqual(['/way/a ', '/way/b ', '/way/c ', '/way/d ']);
    expect(app.byNode).toBe(3);
    await client.send(get('/way/e'));
    await expect.poll(() => bodiesOf(client)).toHaveLength(5);
    expect(app.byNode).toBe(4);
    await open(app).send(get('/way/f'));
    await expect.poll(() => app.seen.at(-1)).toBe('/way/f ');
    expect(app.byNode).toBe(4);
  });

  test.each([
    ['another method', get('/way/a').replace('GET', 'HEAD')],
    ['another route', get('/other')],
    ['an escape', get('/way/%61')],
    ['a fragment', get('/way/a#b')],
    ['an absolute target', get('http://test/way/a')],
    ['an endless target', get(`/way/${'a'.repeat(3000)}`)],
    ['HTTP/1.0', get('/way/a').replace('/1.1', '/1.0')],
    ['no host', 'GET /way/a HTTP/1.1\r\n\r\n'],
    ['the end of its connection', get('/way/a', 'Connection: close\r\n')],
    ['an upgrade', get('/way/a', 'Connection: upgrade\r\nUpgrade: h2c\r\n')],
    ['an expectation', put('/way/a', 'x', 'Expect: 100-continue\r\n')],
    ['chunks', `${get('/way/a', 'Transfer-Encoding: chunked\r\n').replace('GET', 'PUT')}0\r\n\r\n`],
    ['a header twice', get('/way/a', 'X-A: 1\r\nx-a: 2\r\n')],
    ['an empty header', get('/way/a', 'X-A:\r\n')],
    ['a tab', get('/way/a', 'X-A: 1\t2\r\n')],
    ['a type with parameters', put('/way/a', 'x', 'Content-Type: text/plain; charset=utf-8\r\n')],
    ['a long body', put('/way/a', 'x'.repeat(65))],
    ['a read with a body', put('/way/a', 'x').replace('PUT', 'GET')],
    ['a large head', get('/way/a', `X-A: ${'a'.repeat(9000)}\r\n`)],
    [
      'another type than its route has',
      put('/exact', 'x', 'Content-Type: text/plain\r\n').replace('PUT', 'POST'),
    ],
  ])('%s is not plain', async (_, text) => {
    const app = await start();
    const client = open(app);
    await client.send(text);
    await expect.poll(() => client.answers.length).toBeGreaterThan(0);
    expect(client.received).toMatch(/^HTTP\/1\.1 \d{3} /);
    const isError = / (400|431) /.test(client.received.slice(8, 13));
    expect(app.byNode).toBe(isError ? 0 : 1);
  });

  test('a body that comes in many pieces', async () => {
    const app = await start();
    const client = open(app);
    const body = 'x'.repeat(700_000);
    const head = `POST /exact HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-frame\r\n`;
    await client.send(head, `Content-Length: ${body.length}\r\n\r`, '\n', body.slice(0, 7), body.slice(7));
    await expect.poll(() => bodiesOf(client)[0]?.length, { timeout: 5000 }).toBe(body.length + 7);
    expect(app.byNode).toBe(0);
  });
});

describe('an answer', () => {
  const shown = (text: string): string =>
    text.replace(/Date: .*/g, 'Date').replace(/"instance":"[^"]+"/, 'instance');
  const linesOf = (text: string): string[] => {
    const end = text.indexOf('\r\n\r\n');
    return [
      ...shown(text)
        .slice(0, end)
        .split('\r\n')
        .map((line) => line.toLowerCase())
        .sort(),
      text.slice(end),
    ];
  };

  test.each(['a', 'refused', 'broken', 'unchanged', 'text'])(
    'is the same whichever way it went: %s',
    async (path) => {
      const seen = await Promise.all(
        [true, false].map(async (isPlain) => {
          const app = await start({ isPlain });
          const client = open(app);
          await client.send(get(`/way/${path}`));
          await expect.poll(() => client.answers.length).toBe(1);
          expect(app.byNode).toBe(isPlain ? 0 : 1);
          const logged = app.logged.slice(1).map((line) => (JSON.parse(line) as { msg: string }).msg);
          return [linesOf(shown(client.received)), logged];
        }),
      );
      expect(seen[0]).toEqual(seen[1]);
    },
  );

  test('has no header that its handler did not mean', async () => {
    const app = await start();
    const client = open(app);
    await client.send(get('/way/odd-header'));
    await expect.poll(() => statusesOf(client)).toEqual([500]);
    expect(client.received).not.toMatch(/set-cookie|x-odd/i);
    expect(app.logged.join()).toContain('may not be in one');
  });

  test('that is large is sent as its client takes it, and the next request waits for that', async () => {
    const app = await start();
    const client = open(app);
    client.socket.pause();
    await client.send(get('/way/large') + get('/way/b'));
    await expect.poll(() => app.seen).toEqual(['/way/large ']);
    expect(await app.metric('http_requests_in_flight')).toBe(1);
    client.socket.resume();
    await expect.poll(() => client.received.endsWith('/way/b '), { timeout: 30_000 }).toBe(true);
    expect(bodiesOf(client)[0]?.length).toBe(32_000_000);
    expect(bodiesOf(client)[1]).toBe('/way/b ');
    expect(await app.metric('http_response_body_bytes_total{route="/way/*"}')).toBe(32_000_007);
  });

  test('each is counted once, whichever way it went', async () => {
    const app = await start();
    const client = open(app);
    await client.send(get('/way/a') + get('/way/refused') + get('/way/b', 'X-Odd: \xe9\r\n'));
    await expect.poll(() => statusesOf(client)).toEqual([201, 429, 201]);
    await expect.poll(() => app.metric(count(201))).toBe(2);
    expect(await app.metric(count(429))).toBe(1);
    expect(await app.metric('http_requests_in_flight')).toBe(0);
  });
});

describe('a request that is refused before its body has come', () => {
  const hooksOf = (told: string[]) => ({
    began: ({ url, bodyBytes }: PlainExchange) => (url === '/way/no' ? new Error(`${bodyBytes}`) : undefined),
    failed: ({ url }: PlainExchange) => void told.push(`failed ${url}`),
    ended: ({ url }: PlainExchange, status: number) => void told.push(`${status} ${url}`),
  });

  test('is answered at once, and its body is heard out', async () => {
    const told: string[] = [];
    const app = await start({ hooks: hooksOf(told) });
    const client = open(app);
    await client.send('PUT /way/no HTTP/1.1\r\nHost: x\r\nContent-Length: 21\r\n\r\nGET ');
    await expect.poll(() => statusesOf(client)).toEqual([500]);
    await client.send('/way/a HTTP/1.1\r', `\n${get('/way/b')}`);
    await expect.poll(() => statusesOf(client)).toEqual([500, 201]);
    expect(app.seen).toEqual(['/way/b ']);
    expect(told).toEqual(['failed /way/no', '500 /way/no', '201 /way/b']);
  });
});

describe('more connections than a turn of the event loop has room for', () => {
  const max = 8;
  const many = 100;

  test('are answered all the same, and other work has its turn between them', async () => {
    let turn = 0;
    let isOver = false;
    const counting = (): void => {
      turn += 1;
      if (!isOver) setImmediate(counting);
    };
    const begunIn: number[] = [];
    const app = await start({ turnRequestsMax: max, hooks: { began: () => void begunIn.push(turn) } });
    const all = Array.from({ length: many }, () => open(app));
    await Promise.all(all.map((client) => client.send(get('/way/a'))));
    await expect.poll(() => all.every(({ answers }) => answers.length === 1)).toBe(true);
    begunIn.length = 0;
    counting();
    for (const { socket } of all) socket.write(get('/way/b'));
    await expect.poll(() => all.every(({ answers }) => answers.length === 2)).toBe(true);
    isOver = true;
    expect(begunIn).toHaveLength(many);
    const perTurn = [...Map.groupBy(begunIn, (one) => one).values()].map(({ length }) => length);
    // Those that waited, at its end, and those that came in its course.
    expect(Math.max(...perTurn)).toBeLessThanOrEqual(2 * max);
    expect(app.byNode).toBe(0);
  });

  test('what was read and not begun is answered by Node when the server closes', async () => {
    const app = await start({ turnRequestsMax: 0 });
    const all = Array.from({ length: 20 }, () => open(app));
    await Promise.all(all.map((client) => client.send(get('/way/a'))));
    await expect.poll(() => all.every(({ answers }) => answers.length === 1)).toBe(true);
    for (const { socket } of all) socket.write(get('/way/b'));
    await expect.poll(() => app.seen.length).toBeGreaterThan(20);
    await app.app.close();
    await Promise.all(all.map(({ closed }) => closed));
    for (const client of all) expect([201, 503]).toContain(statusesOf(client)[1]);
  });

  test('who leaves meanwhile is forgotten', async () => {
    const app = await start({ turnRequestsMax: 0 });
    const client = open(app);
    client.socket.write(get('/way/held').repeat(2));
    client.socket.destroy();
    await open(app).send(get('/way/a'));
    await expect.poll(() => app.seen.includes('/way/a ')).toBe(true);
    await expect.poll(() => app.metric('http_requests_in_flight')).toBe(0);
  });
});

describe('who leaves', () => {
  test.each([true, false])('is counted as that, once (plain: %s)', async (isPlain) => {
    const ended: number[] = [];
    const app = await start({ isPlain, hooks: { ended: (_, status) => void ended.push(status) } });
    const client = open(app);
    await client.send(get('/way/held'));
    await expect.poll(() => app.seen.length).toBe(1);
    client.socket.destroy();
    await expect.poll(() => app.metric(count(499))).toBe(1);
    expect(await app.metric('http_requests_in_flight')).toBe(0);
    app.hold.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(await app.metric(count(201))).toBe(0);
    expect(ended).toEqual(isPlain ? [499] : []);
  });

  test.each([true, false])('who only half closes as well (plain: %s)', async (isPlain) => {
    const app = await start({ isPlain });
    const client = open(app);
    await client.send(get('/way/held'));
    await expect.poll(() => app.seen.length).toBe(1);
    client.socket.end();
    await client.closed;
    await expect.poll(() => app.metric(count(499))).toBe(1);
    expect(client.received).toBe('');
  });

  test.each([
    ['in a head', 'GET /way/a HTTP/1.1\r\nHos'],
    ['in a body', put('/way/a', '12345').slice(0, -2)],
  ])('%s is told so', async (_, text) => {
    const received = await Promise.all(
      [true, false].map(async (isPlain) => {
        const client = open(await start({ isPlain }));
        await client.send(text);
        client.socket.end();
        await client.closed;
        return client.received;
      }),
    );
    expect(received[0]).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"bad-request"/);
    expect(received[0]).toBe(received[1]);
  });
});

describe('time', () => {
  const timeouts = { requestTimeout: 60, keepAliveTimeout: 60, keepAliveSlack: 0, sweepInterval: 10 };

  test.each([
    ['a head', 'GET /way/a HTTP/1.1\r\nHost: '],
    ['a body', put('/way/a', '12345').slice(0, -2)],
    ['anything', ''],
    ['a second request', `${get('/way/b')}GET /wa`],
  ])('for %s to come is bounded', async (_, text) => {
    const app = await start({ timeouts: { ...timeouts, keepAliveTimeout: 60_000 } });
    const client = open(app);
    await client.send(text);
    await client.closed;
    expect(client.answers.at(-1)).toMatch(/^HTTP\/1\.1 400 [\s\S]*did not arrive in time/);
    await expect.poll(() => app.metric('http_requests_in_flight')).toBe(0);
  });

  test('without a request is bounded, and what is served is none', async () => {
    const app = await start({ timeouts });
    const [idle, busy] = [open(app), open(app)];
    await idle.send(get('/way/a'));
    await busy.send(get('/way/held'));
    await idle.closed;
    expect(statusesOf(idle)).toEqual([201]);
    expect(busy.socket.closed).toBe(false);
    app.hold.resolve();
    await busy.closed;
    expect(statusesOf(busy)).toEqual([201]);
  });

  test('counts from the first byte of a request', async () => {
    const app = await start({ timeouts: { ...timeouts, requestTimeout: 10_000, keepAliveTimeout: 100 } });
    const client = open(app);
    await client.send(get('/way/a'), 'GET /way/b HTTP/1.1\r\n');
    const other = open(app);
    await other.send(get('/way/a'));
    await other.closed;
    await client.send('Host: x\r\n\r\n');
    await expect.poll(() => statusesOf(client)).toEqual([201, 201]);
  });
});

describe('while the server closes', () => {
  test('what has begun is finished, and its connection ends; the idle ones end at once', async () => {
    const app = await start();
    const [idle, fresh, held, refused, arriving] = [open(app), open(app), open(app), open(app), open(app)];
    await idle.send(get('/way/a'));
    await expect.poll(() => statusesOf(idle)).toEqual([201]);
    await held.send(get('/way/held'));
    await refused.send(get('/way/held') + get('/way/refused'));
    await arriving.send(put('/way/b', '12345').slice(0, -2));
    await expect.poll(() => app.seen.length).toBe(3);
    const closed = app.app.close();
    await Promise.all([idle.closed, fresh.closed]);
    await arriving.send('45');
    app.hold.resolve();
    await Promise.all([closed, held.closed, refused.closed, arriving.closed]);
    expect(held.received).toMatch(/^HTTP\/1\.1 201 [\s\S]*Connection: close\r\n/);
    expect(bodiesOf(arriving)).toEqual(['/way/b 12345']);
    // The second was there, but not begun.
    expect(statusesOf(refused)).toEqual([201, 503]);
    expect(refused.answers[1]).toMatch(/"code":"shutting-down"/);
    expect(refused.answers[1]).toMatch(/^connection: close\r$/im);
    expect(app.seen).not.toContain('/way/refused ');
  });
});
