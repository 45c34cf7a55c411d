/**
 * What the REST surface promises, against a real cluster: versions, conditions, levels, listings, counters.
 */
import { Buffer } from 'node:buffer';
import { DriftlessClient } from '@driftless/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../harness/cluster.ts';
import { type RawAnswer, send } from './raw.ts';

const versionPattern = /^[1-9]\d*-[1-9]\d*$/;

describe('REST', () => {
  let cluster: TestCluster;
  let client: DriftlessClient;
  let unique = 0;
  const newKey = (): string => {
    unique += 1;
    return `rest/${unique}`;
  };

  beforeAll(async () => {
    cluster = await TestCluster.start();
    client = new DriftlessClient({ baseUrls: cluster.gatewayUrl, consistency: 'leader' });
  });
  afterAll(async () => {
    await client?.close();
    await cluster?.stop();
  });

  const call = (
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: string | Uint8Array,
  ): Promise<RawAnswer> =>
    send(cluster.gatewayUrl, { method, path, headers, ...(body !== undefined && { body }) });

  describe('values', () => {
    it('are kept byte for byte under their content type, and tell their version', async () => {
      const key = newKey();
      const body = Buffer.from([0, 1, 2, 255, 10, 13]);
      const type = 'image/x-thing; a="b"';
      const put = await call('PUT', `/v1/kv/${key}`, { 'content-type': type }, body);
      expect(put.status).toBe(201);
      const version = put.json?.version as string;
      expect(version).toMatch(versionPattern);
      expect(put.json).toEqual({ key, version, created: true, ack: 'stream' });
      expect(put.headers).toMatchObject({
        etag: `"${version}"`,
        'driftless-position': version,
        'driftless-lag-ms': '0',
        'driftless-lag-ops': '0',
      });
      expect(put.headers['driftless-node']).toMatch(/^node-/);
      const got = await call('GET', `/v1/kv/${key}?consistency=leader`);
      expect(got.status).toBe(200);
      expect(got.body.equals(body)).toBe(true);
      expect(got.headers).toMatchObject({
        'content-type': type,
        etag: `"${version}"`,
        'driftless-node': put.headers['driftless-node'],
        'driftless-lag-ops': '0',
      });
    });

    it('are JSON by default, exactly as written', async () => {
      const key = newKey();
      const text = '{ "n": 1.0, "big": 12345678901234567890, "a": 1, "a": 2 }';
      expect((await call('PUT', `/v1/kv/${key}`, {}, text)).status).toBe(201);
      const got = await call('GET', `/v1/kv/${key}?consistency=leader`);
      expect(got.headers['content-type']).toBe('application/json');
      expect(got.body.toString()).toBe(text);
    });

    it('are replaced with 200, headed without a body, deleted with 204, and then gone', async () => {
      const key = newKey();
      const first = await client.put(key, 'one');
      const again = await call('PUT', `/v1/kv/${key}`, { 'content-type': 'text/plain' }, 'two');
      expect(again.status).toBe(200);
      expect(again.json).toMatchObject({ created: false });
      expect(again.json?.version).not.toBe(first.version);
      const head = await call('HEAD', `/v1/kv/${key}?consistency=leader`);
      expect(head).toMatchObject({ status: 200, headers: { 'content-length': '3' } });
      expect(head.body).toHaveLength(0);
      const gone = await call('DELETE', `/v1/kv/${key}`);
      expect(gone.status).toBe(204);
      expect(gone.headers.etag).toMatch(/^"/);
      const missing = await call('GET', `/v1/kv/${key}?consistency=leader`);
      expect(missing).toMatchObject({ status: 404, json: { code: 'key-not-found' } });
      expect(missing.headers['driftless-position']).toMatch(versionPattern);
      expect((await call('DELETE', `/v1/kv/${key}`)).status).toBe(404);
    });

    it('are one, however the slash in their key is written', async () => {
      const key = newKey();
      await client.put(`${key}/x y`, 'v');
      expect((await call('GET', `/v1/kv/${key}/x%20y?consistency=leader`)).body.toString()).toBe('v');
      expect(
        (await call('GET', `/v1/kv/${encodeURIComponent(`${key}/x y`)}?consistency=leader`)).status,
      ).toBe(200);
    });

    it('expire', async () => {
      const key = newKey();
      await client.put(key, 'soon', { ttlSeconds: 1 });
      expect((await client.get(key)).version).toMatch(versionPattern);
      await cluster.until('the value to expire', async () => {
        return (await call('GET', `/v1/kv/${key}`)).status === 404;
      });
      expect((await client.put(key, 'again', { ifNoneMatch: '*' })).created).toBe(true);
    });

    it('reach every replica, which says how far behind it is', async () => {
      const key = newKey();
      const { version } = await client.put(key, 'v', { ack: 'all' });
      const nodes = new Set<string>();
      for (let i = 0; i < 12; i += 1) {
        const read = await client.get(key, { consistency: 'eventual' });
        expect(read.version).toBe(version);
        expect(read.lagOps).toBeGreaterThanOrEqual(0);
        nodes.add(read.node ?? '');
      }
      expect([...nodes].sort()).toEqual(['node-1', 'node-2', 'node-3']);
    });
  });

  describe('conditions', () => {
    it('create once and replace only what was read', async () => {
      const key = newKey();
      const { version } = await client.put(key, 'one', { ifNoneMatch: '*' });
      await expect(client.put(key, 'two', { ifNoneMatch: '*' })).rejects.toMatchObject({
        code: 'precondition-failed',
        version,
      });
      const two = await client.put(key, 'two', { ifMatch: version });
      await expect(client.put(key, 'three', { ifMatch: version })).rejects.toMatchObject({ status: 412 });
      await expect(client.delete(key, { ifMatch: version })).rejects.toMatchObject({ status: 412 });
      await expect(client.delete(key, { ifNoneMatch: two.version })).rejects.toMatchObject({ status: 412 });
      await client.delete(key, { ifMatch: `"1-1", "${two.version}"` });
    });

    it('let one of many concurrent creators win', async () => {
      const key = newKey();
      const tries = Array.from({ length: 20 }, (_, n) => client.put(key, `${n}`, { ifNoneMatch: '*' }));
      const outcomes = await Promise.allSettled(tries);
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    });

    it('answer a read of a known version with 304', async () => {
      const key = newKey();
      const { version } = await client.put(key, 'v', { ack: 'all' });
      const path = `/v1/kv/${key}?consistency=leader`;
      for (const tags of [`"${version}"`, `W/"${version}"`, `"9-9", "${version}"`, '*']) {
        const answer = await call('GET', path, { 'if-none-match': tags });
        expect(answer.status).toBe(304);
        expect(answer.body).toHaveLength(0);
        expect(answer.headers.etag).toBe(`"${version}"`);
      }
      expect((await call('GET', path, { 'if-none-match': '"9-9"' })).status).toBe(200);
    });
  });

  describe('an Idempotency-Key', () => {
    it('gives the first answer again, and is refused for anything else', async () => {
      const key = newKey();
      const id = { 'idempotency-key': `id-${key}`, 'content-type': 'text/plain' };
      const first = await call('PUT', `/v1/kv/${key}`, id, 'one');
      await client.put(key, 'between');
      const again = await call('PUT', `/v1/kv/${key}`, id, 'one');
      expect(again.status).toBe(201);
      expect(again.json).toEqual(first.json);
      expect(Buffer.from((await client.get(key)).value).toString()).toBe('between');
      for (const other of [
        () => call('PUT', `/v1/kv/${key}`, id, 'two'),
        () => call('PUT', `/v1/kv/${key}`, { ...id, 'content-type': 'text/html' }, 'one'),
        () => call('PUT', `/v1/kv/${key}?ttl=5`, id, 'one'),
        () => call('PUT', `/v1/kv/${key}`, { ...id, 'if-match': '*' }, 'one'),
        () => call('DELETE', `/v1/kv/${key}`, id),
      ]) {
        expect((await other()).json).toMatchObject({ status: 422, code: 'idempotency-key-reused' });
      }
    });

    it('keeps a refusal, too', async () => {
      const key = newKey();
      const id = { idempotencyKey: `id-${key}`, ifMatch: '*' };
      await expect(client.put(key, 'v', id)).rejects.toMatchObject({ status: 412 });
      await client.put(key, 'now it is there');
      await expect(client.put(key, 'v', id)).rejects.toMatchObject({ status: 412 });
    });

    it('counts once', async () => {
      const key = newKey();
      const options = { idempotencyKey: `id-${key}` };
      const counts = await Promise.all(Array.from({ length: 5 }, () => client.increment(key, 3, options)));
      expect(counts.map(({ value }) => value)).toEqual([3, 3, 3, 3, 3]);
    });

    it('makes a batch repeatable', async () => {
      const key = newKey();
      const operations = [
        { op: 'increment' as const, key },
        { op: 'increment' as const, key, by: 10 },
      ];
      const options = { idempotencyKey: `id-${key}` };
      const first = await client.batch(operations, options);
      expect(await client.batch(operations, options)).toEqual(first);
      expect(first.results.map(({ value }) => value)).toEqual([1, 11]);
    });
  });

  describe('ack levels', () => {
    it.each(['leader', 'stream', 'majority', 'all'] as const)('%s is told back', async (ack) => {
      expect(await client.put(newKey(), 'v', { ack })).toMatchObject({ ack, created: true });
    });
  });

  describe('counters', () => {
    it('add up under concurrency, and are JSON integers', async () => {
      const key = newKey();
      const counts = await Promise.all(Array.from({ length: 50 }, () => client.increment(key)));
      expect(new Set(counts.map(({ value }) => value)).size).toBe(50);
      expect((await client.increment(key, -50)).value).toBe(0);
      expect((await client.getJson(key)).value).toBe(0);
      const bare = await call('POST', `/v1/counters/${key}/increment`);
      expect(bare).toMatchObject({ status: 200, json: { key, value: 1 } });
      expect(bare.headers.etag).toBe(`"${bare.json?.version}"`);
    });

    it('stay exact', async () => {
      const key = newKey();
      await client.increment(key, Number.MAX_SAFE_INTEGER);
      await expect(client.increment(key)).rejects.toMatchObject({ code: 'counter-overflow', status: 409 });
    });

    it('serve the counter seed', async () => {
      const first = await call('POST', '/api/counter/increment');
      const second = await call('POST', '/api/counter/increment');
      expect(second.json).toEqual({
        value: Number(first.json?.value) + 1,
        counter: Number(first.json?.value) + 1,
      });
    });
  });

  describe('the metrics-storage seed', () => {
    it('keeps records', async () => {
      const key = newKey();
      const body = JSON.stringify({ key, value: { cpu: 0.5, tags: ['a'] } });
      const kept = await call('POST', '/data', { 'content-type': 'application/json' }, body);
      expect(kept.status).toBe(201);
      const got = await call('GET', `/data/${key}?consistency=leader`);
      expect(got.json).toEqual({ key, value: { cpu: 0.5, tags: ['a'] }, version: kept.json?.version });
      expect((await call('GET', '/data/none')).status).toBe(404);
      await client.put(key, Buffer.from([0xff]));
      expect((await call('GET', `/data/${key}?consistency=leader`)).status).toBe(415);
    });
  });

  describe('batches', () => {
    it('do each operation, those on one key in order', async () => {
      const key = newKey();
      const { results } = await client.batch([
        { op: 'put', key, value: { a: [1, null] } },
        { op: 'put', key: `${key}/text`, value: 'plain', contentType: 'text/plain' },
        { op: 'put', key: `${key}/bytes`, valueBase64: 'AP8=' },
        { op: 'put', key, value: 2, ifNoneMatch: '*' },
        { op: 'delete', key },
        { op: 'put', key, value: 3, ifNoneMatch: '*', ttl: 60 },
        { op: 'increment', key, by: 4 },
      ]);
      expect(results.map(({ status }) => status)).toEqual([201, 201, 201, 412, 204, 201, 200]);
      expect(results[6]).toMatchObject({ key, value: 7 });
      expect(results[3]?.problem).toMatchObject({ code: 'precondition-failed' });
      expect((await client.get(`${key}/text`)).contentType).toBe('text/plain');
      expect([...(await client.get(`${key}/bytes`)).value]).toEqual([0, 255]);
      expect((await client.getJson(key)).value).toBe(7);
    });

    it('take a thousand operations, and more bytes than an event has', async () => {
      const prefix = newKey();
      const many = Array.from({ length: 1000 }, (_, n) => ({
        op: 'put' as const,
        key: `${prefix}/${n}`,
        value: n,
      }));
      expect((await client.batch(many)).results.every(({ status }) => status === 201)).toBe(true);
      const large = Array.from({ length: 14 }, (_, n) => ({
        op: 'put' as const,
        key: `${prefix}/large`,
        value: String(n).padEnd(400_000, 'x'),
      }));
      const { results } = await client.batch(large);
      expect(results.map(({ status }) => status)).toEqual([201, ...Array(13).fill(200)]);
      expect(String((await client.getJson(`${prefix}/large`)).value)).toMatch(/^13x/);
    });
  });

  describe('the cluster', () => {
    it('shows its nodes and shards', async () => {
      const view = await client.cluster();
      expect(view).toMatchObject({
        shardCount: 4,
        replicationFactor: 3,
        gateway: 'gateway-1',
        nats: { connected: true },
      });
      expect(view.nodes.map(({ node, alive, circuit }) => `${node} ${alive} ${circuit}`)).toEqual([
        'node-1 true closed',
        'node-2 true closed',
        'node-3 true closed',
      ]);
      const shard = await client.shard(2);
      expect(shard.members).toHaveLength(3);
      expect(shard.replicas.map(({ node }) => node)).toEqual(['node-1', 'node-2', 'node-3']);
      expect(shard.leader).toBe(await cluster.leaderOf(2));
    });

    it('is measured', async () => {
      const { body } = await call('GET', '/metrics');
      const metrics = body.toString();
      for (const name of [
        'http_request_duration_seconds_bucket',
        'gateway_hop_duration_seconds_bucket',
        'gateway_batch_operations_bucket',
        'gateway_requests_in_flight',
        'gateway_lane_waiting_operations',
        'gateway_circuit_state',
        'gateway_nodes_alive',
        'gateway_shards_without_leader',
      ]) {
        expect(metrics).toContain(name);
      }
      // The raw path would make a time series of every key.
      expect(metrics).not.toContain('rest/1');
    });
  });
});
