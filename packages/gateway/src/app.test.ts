import { Buffer } from 'node:buffer';
import { DriftlessError } from '@driftless/contracts';
import { createLogger, createTelemetry, type HttpServer, loadConfig } from '@driftless/runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { createApp } from './app.ts';
import { type GatewayConfig, gatewayConfigSchema } from './config.ts';
import { RoutingTable } from './hop/routing-table.ts';
import { Store } from './hop/store.ts';
import { Sessions } from './http/sessions.ts';
import { createGatewayTelemetry } from './telemetry.ts';
import { FakeNode } from './testing/fake-node.ts';

describe('the gateway as an application', () => {
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function open(
    overrides: Partial<GatewayConfig> = {},
  ): Promise<{ app: HttpServer; table: RoutingTable }> {
    const config = loadConfig(gatewayConfigSchema, {
      env: {},
      overrides: { routeWaitMs: 300, ...overrides },
    });
    const telemetry = createTelemetry({ service: 'gateway', instance: 'test' });
    const logger = createLogger({ process: 'gateway', instance: 'test', level: 'silent' });
    const instruments = createGatewayTelemetry(telemetry.meter);
    const table = new RoutingTable(config);
    const store = new Store(config, table, instruments);
    const sessions = new Sessions('test');
    sessions.useKey(Buffer.alloc(32));
    const info = { instance: 'test', nats: () => ({ connected: true }) };
    const findAntiEntropy = (): Promise<never> => {
      throw new DriftlessError('unavailable', 'No anti-entropy process answers.');
    };
    const parts = { config, logger, telemetry, instruments, store, sessions, info };
    const app = await createApp({ ...parts, findAntiEntropy });
    ends.push(
      () => store.close(),
      () => app.close(),
    );
    return { app, table };
  }

  async function withNode(table: RoutingTable): Promise<FakeNode> {
    const node = await new FakeNode('a').start();
    ends.push(() => node.stop());
    const members = ['a'];
    const cluster = {
      format: 1 as const,
      cluster: 'test',
      id: 'x',
      shardCount: 1,
      members,
      replicationFactor: 1,
    };
    table.hear({ type: 'cluster-known', cluster });
    table.hear({ type: 'status-heard', status: node.status('leading') });
    return node;
  }

  const put = (key: string) => ({ method: 'PUT' as const, url: `/v1/kv/${key}`, payload: '1' });

  it('lives before it knows the cluster, and says why it is not ready', async () => {
    const { app } = await open();
    expect((await app.inject('/livez')).statusCode).toBe(200);
    const ready = await app.inject('/readyz');
    expect(ready.statusCode).toBe(503);
    expect(ready.json().reason).toMatch(/cluster record/);
    for (const url of ['/v1/kv/a', '/v1/kv', '/v1/cluster', '/v1/shards/0']) {
      const answer = await app.inject(url);
      expect(answer.json()).toMatchObject({ status: 503, code: 'replica-unavailable' });
      expect(answer.headers['retry-after']).toBe('1');
    }
  });

  it('serves once it knows a node', async () => {
    const { app, table } = await open();
    await withNode(table);
    expect((await app.inject('/readyz')).statusCode).toBe(200);
    expect((await app.inject(put('a'))).statusCode).toBe(201);
    expect((await app.inject('/v1/kv/a')).body).toBe('1');
  });

  it('tells 429 and when to come back when it serves as many requests as it may', async () => {
    const { app, table } = await open({ inFlightMax: 2 });
    const node = await withNode(table);
    node.fault = { type: 'refuse', code: 'not-leader' };
    const held = [app.inject(put('a')), app.inject(put('b'))];
    await new Promise(setImmediate);
    const shed = await app.inject(put('c'));
    expect(shed.json()).toMatchObject({ status: 429, code: 'overloaded', retryable: true });
    expect(shed.headers['retry-after']).toBe('1');
    expect((await app.inject('/livez')).statusCode).toBe(200);
    expect((await Promise.all(held)).map(({ statusCode }) => statusCode)).toEqual([503, 503]);
    node.fault = undefined;
    expect((await app.inject(put('c'))).statusCode).toBe(201);
  });

  it('bounds the bytes of bodies, too', async () => {
    const { app, table } = await open({ inFlightBytesMax: 100 });
    await withNode(table);
    expect((await app.inject({ ...put('a'), payload: `"${'x'.repeat(100)}"` })).statusCode).toBe(429);
    expect((await app.inject(put('a'))).statusCode).toBe(201);
  });

  it('tells an unconfirmed write its version, in the problem and as ETag', async () => {
    const { app, table } = await open();
    const node = await withNode(table);
    node.fault = { type: 'result', prefix: '', result: { error: 'indeterminate', version: '1-7' } };
    const answer = await app.inject(put('a'));
    expect(answer.json()).toMatchObject({ status: 504, code: 'indeterminate', version: '1-7' });
    expect(answer.headers.etag).toBe('"1-7"');
  });
});
