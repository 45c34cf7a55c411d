import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHttpServer, type HttpServer } from './http-server.ts';
import { createLogger } from './log.ts';
import { createTelemetry, type Telemetry } from './telemetry.ts';

let app: HttpServer;
let telemetry: Telemetry;
let origin: string;
let begun: PromiseWithResolvers<void>;
let hold: PromiseWithResolvers<void>;

/** `/short/*` goes past the framework, `/long/*` through it; both answer `ok` when nothing holds them. */
beforeEach(async () => {
  begun = Promise.withResolvers<void>();
  hold = Promise.withResolvers<void>();
  telemetry = createTelemetry({ service: 'test', instance: 'test-1' });
  app = await createHttpServer({
    logger: createLogger({ process: 'test', instance: 'test-1', level: 'silent' }),
    telemetry,
    bodyLimit: 1000,
    ready: () => ({ ok: true }),
    plain: {
      routes: [
        {
          method: 'POST',
          url: '/short/*',
          bodyBytesMax: 1000,
          handler: async (_request, reply) => {
            begun.resolve();
            await hold.promise;
            reply.send('ok');
          },
        },
      ],
    },
  });
  app.post('/long/*', async (_request, reply) => {
    begun.resolve();
    await hold.promise;
    return reply.send('ok');
  });
  app.get('/stream', (_request, reply) => reply.send(new Blob(['x'.repeat(5000)]).stream()));
  origin = await app.listen({ port: 0, host: '127.0.0.1' });
});
afterEach(async () => {
  hold.resolve();
  await app.close();
  await telemetry.shutdown();
});

async function metric(series: string): Promise<number> {
  const line = (await telemetry.metricsText()).split('\n').find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? 0);
}

const post = (path: string, bytes: number): Promise<string> =>
  fetch(`${origin}${path}`, {
    method: 'POST',
    body: JSON.stringify('x'.repeat(bytes - 2)),
    headers: { 'content-type': 'application/json' },
  }).then((answer) => answer.text());

test.each(['/short', '/long'])('bodies of %s are counted in bytes, both ways', async (way) => {
  hold.resolve();
  await Promise.all([post(`${way}/a`, 100), post(`${way}/b`, 23)]);
  await expect.poll(() => metric(`http_request_body_bytes_total{route="${way}/*"}`)).toBe(123);
  await expect.poll(() => metric(`http_response_body_bytes_total{route="${way}/*"}`)).toBe(4);
});

test('a stream counts as what its connection carried', async () => {
  expect((await (await fetch(`${origin}/stream`)).text()).length).toBe(5000);
  const sent = await metric('http_response_body_bytes_total{route="/stream"}');
  expect(sent).toBeGreaterThanOrEqual(5000);
  expect(sent).toBeLessThan(6000);
});

test.each(['/short', '/long'])('requests of %s in flight, until they are answered', async (way) => {
  const answer = post(`${way}/a`, 10);
  await begun.promise;
  expect(await metric('http_requests_in_flight')).toBe(1);
  hold.resolve();
  await answer;
  await expect.poll(() => metric('http_requests_in_flight')).toBe(0);
});

test.each(['/short', '/long'])('a client of %s that leaves is measured too, once', async (way) => {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  socket.write(`POST ${way}/a HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n`);
  socket.write('Content-Length: 4\r\n\r\n1234');
  await begun.promise;
  socket.destroy();
  await once(socket, 'close');
  const labels = `method="POST",route="${way}/*"`;
  const left = `http_request_duration_seconds_count{${labels},status="499"}`;
  await expect.poll(() => metric(left)).toBe(1);
  expect(await metric('http_requests_in_flight')).toBe(0);
  hold.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  expect(await metric(left)).toBe(1);
  expect(await metric(`http_request_duration_seconds_count{${labels},status="200"}`)).toBe(0);
});
