import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Ends, openApp, withNode } from './testing/app.ts';

describe('the gateway as an application', () => {
  const ends: Ends = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  const put = (key: string) => ({ method: 'PUT' as const, url: `/v1/kv/${key}`, payload: '1' });

  it('lives before it knows the cluster, and says why it is not ready', async () => {
    const { app } = await openApp(ends);
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
    const { app, table } = await openApp(ends);
    await withNode(ends, table);
    expect((await app.inject('/readyz')).statusCode).toBe(200);
    expect((await app.inject(put('a'))).statusCode).toBe(201);
    expect((await app.inject('/v1/kv/a')).body).toBe('1');
  });

  it('tells 429 and when to come back when it serves as many requests as it may', async () => {
    const { app, table } = await openApp(ends, { inFlightMax: 2 });
    const node = await withNode(ends, table);
    node.fault = { type: 'refuse', code: 'not-leader' };
    const held = [app.inject(put('a')), app.inject(put('b'))];
    await new Promise(setImmediate);
    const shed = await app.inject(put('c'));
    expect(shed.json()).toMatchObject({ status: 429, code: 'overloaded', retryable: true });
    expect(shed.headers['retry-after']).toBe('1');
    expect((await app.inject('/livez')).statusCode).toBe(200);
    expect((await Promise.all(held)).map(({ statusCode }) => statusCode)).toEqual([503, 503]);
    node.fault = undefined;
    // A place is free when its answer's stream is closed, a turn or so after the answer is there.
    await vi.waitFor(async () => expect((await app.inject(put('c'))).statusCode).toBe(201));
  });

  it('bounds the bytes of bodies, too', async () => {
    const { app, table } = await openApp(ends, { inFlightBytesMax: 100 });
    await withNode(ends, table);
    expect((await app.inject({ ...put('a'), payload: `"${'x'.repeat(100)}"` })).statusCode).toBe(429);
    expect((await app.inject(put('a'))).statusCode).toBe(201);
  });

  it('tells an unconfirmed write its version, in the problem and as ETag', async () => {
    const { app, table } = await openApp(ends);
    const node = await withNode(ends, table);
    node.fault = { type: 'result', prefix: '', result: { error: 'indeterminate', version: '1-7' } };
    const answer = await app.inject(put('a'));
    expect(answer.json()).toMatchObject({ status: 504, code: 'indeterminate', version: '1-7' });
    expect(answer.headers.etag).toBe('"1-7"');
  });
});
