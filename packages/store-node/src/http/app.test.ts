import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { DriftlessError, encodeFrame, frameContentType } from '@driftless/contracts';
import { createHttpServer, createLogger, createTelemetry, type HttpServer } from '@driftless/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { StoreNode } from '../node.ts';
import { addRoutes, frameBytesMax, hotRoutes } from './app.ts';

/** A node that holds no shard. */
const node = {
  id: 'node-1',
  has: () => false,
  replica: (): never => {
    throw new DriftlessError('replica-unavailable', 'This node has no such shard.');
  },
  instruments: { read: () => undefined },
} as unknown as StoreNode;

let app: HttpServer;
let port: number;
let agent: Agent;
let byNode: number;

beforeEach(async () => {
  agent = new Agent({ keepAlive: true });
  byNode = 0;
  app = await createHttpServer({
    logger: createLogger({ process: 'store-node', instance: 'test', level: 'silent' }),
    telemetry: createTelemetry({ service: 'store-node', instance: 'test' }),
    bodyLimit: frameBytesMax,
    ready: () => ({ ok: true }),
    plain: { routes: hotRoutes(() => node) },
  });
  addRoutes(app, () => node);
  port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port);
  app.server.on('request', () => {
    byNode += 1;
  });
});
afterEach(async () => {
  agent.destroy();
  await app.close();
});

interface Answer {
  status: number | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

function post(path: string, frame: Buffer, more: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': frameContentType, 'content-length': frame.length, ...more };
    const sending = httpRequest({ port, method: 'POST', path, headers, agent }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks)
        .toString('latin1')
        .replace(/"instance":"[^"]+"/, '');
      resolve({ status: response.statusCode, headers: { ...response.headers, date: '' }, body });
    });
    sending.on('error', reject);
    sending.end(frame);
  });
}

const read = { shard: 0, key: 'a', level: 'eventual' };
const write = {
  shard: 0,
  ack: 'stream',
  timeoutMs: 1000,
  operations: [{ op: 'put', key: 'a', type: 'text/plain', bytes: 300_000 }],
};

test.each([
  ['a read', 200, '/node/v1/read', encodeFrame({ reads: [read] }, [])],
  ['a large write', 503, '/node/v1/write', encodeFrame(write, [Buffer.alloc(300_000, 'x')])],
  ['a write that lacks bytes', 500, '/node/v1/write', encodeFrame(write, [Buffer.alloc(2)])],
  ['what is no frame', 500, '/node/v1/read', Buffer.from('{}')],
  [
    'a listing',
    503,
    '/node/v1/list',
    encodeFrame({ shard: 0, level: 'eventual', prefix: '', after: '', limit: 10, values: false }, []),
  ],
  ['nothing', 500, '/node/v1/read', Buffer.alloc(0)],
])('%s is answered past the framework, and as the framework does', async (_, status, path, frame) => {
  const plain = await post(path, frame);
  expect(byNode).toBe(0);
  const long = await post(path, frame, { 'x-odd': '\xe9' });
  expect(byNode).toBe(1);
  expect(plain).toEqual(long);
  expect(plain.status).toBe(status);
});

test('a body of another type is the framework’s to refuse', async () => {
  const answer = await post('/node/v1/read', Buffer.from('{}'), { 'content-type': 'text/xml' });
  expect(byNode).toBe(1);
  expect(answer.status).toBe(415);
});
