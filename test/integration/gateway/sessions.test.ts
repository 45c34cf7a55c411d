/** Sessions at the edge: tokens go on at any gateway of the cluster, and what is no token is refused. */
import { DriftlessClient } from '@driftless/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../harness/cluster.ts';
import type { TestProcess } from '../../harness/process.ts';
import { send } from './raw.ts';

describe('sessions', () => {
  let cluster: TestCluster;
  let second: TestProcess;
  let secondUrl: string;
  const clients: DriftlessClient[] = [];

  const clientOf = (url: string, session?: string): DriftlessClient => {
    const client = new DriftlessClient({ baseUrls: url, consistency: 'session', session, retries: 0 });
    clients.push(client);
    return client;
  };
  const get = (path: string, headers: Record<string, string> = {}) =>
    send(cluster.gatewayUrl, { method: 'GET', path, headers });

  beforeAll(async () => {
    cluster = await TestCluster.start();
    ({ process: second, url: secondUrl } = await cluster.addGateway('gateway-2'));
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await cluster?.stop();
  });

  it('go on at another gateway, also after both were started again', async () => {
    const one = clientOf(cluster.gatewayUrl);
    for (let i = 0; i < 20; i += 1) await one.putJson(`k${i}`, i);
    const token = one.session?.token ?? '';
    expect(token.length).toBeGreaterThan(20);
    expect(token.length).toBeLessThan(100);
    const two = clientOf(secondUrl, token);
    for (let i = 0; i < 20; i += 1) expect((await two.getJson(`k${i}`)).value).toBe(i);
    await Promise.all([second.signal('SIGTERM'), cluster.gateway.signal('SIGTERM')]);
    second.start();
    cluster.gateway.start();
    await cluster.until('the second gateway', async () => (await fetch(`${secondUrl}/readyz`)).ok);
    await cluster.ready();
    const three = clientOf(secondUrl, two.session?.token);
    expect((await three.getJson('k7')).value).toBe(7);
  });

  it('carry all that crossed: writes at one time, of all shards', async () => {
    const client = clientOf(cluster.gatewayUrl);
    await Promise.all(Array.from({ length: 30 }, (_, i) => client.putJson(`c${i}`, i, { ack: 'leader' })));
    const page = await client.list({ prefix: 'c' });
    expect(page.entries).toHaveLength(30);
    expect(client.session?.token).not.toContain(',');
  });

  it('see a deletion as much as a value', async () => {
    const client = clientOf(cluster.gatewayUrl);
    await client.putJson('d', 1);
    await client.delete('d');
    const reader = clientOf(secondUrl, client.session?.token);
    await expect(reader.get('d')).rejects.toMatchObject({ code: 'key-not-found' });
    expect(reader.session?.token).toBe(client.session?.token);
  });

  it('are told on every answer, at any level', async () => {
    await clientOf(cluster.gatewayUrl).putJson('e', 1, { ack: 'all' });
    for (const level of ['eventual', 'session', 'bounded&maxStalenessMs=60000', 'leader', 'strong']) {
      const answer = await get(`/v1/kv/e?consistency=${level}`);
      expect(answer.status).toBe(200);
      expect(answer.headers['driftless-session']).toMatch(/^[\w-]{20,}$/);
    }
    expect((await get('/v1/kv?prefix=e')).headers['driftless-session']).toMatch(/^[\w-]{20,}$/);
  });

  it('refuse a token that was changed or made up', async () => {
    const client = clientOf(cluster.gatewayUrl);
    await client.putJson('f', 1);
    const token = client.session?.token ?? '';
    const changed = `${token.slice(0, -2)}${token.endsWith('AA') ? 'BB' : 'AA'}`;
    for (const wrong of [changed, 'made-up', `${token}, made-up`, token.slice(1), 'x'.repeat(2000)]) {
      const answer = await get('/v1/kv/f', { 'driftless-session': wrong });
      expect(answer.status).toBe(400);
      expect(answer.json?.code).toBe('invalid-session');
    }
  });

  it.each([
    'consistency=bounded',
    'maxStalenessMs=5',
    'consistency=strong&maxStalenessMs=5',
    'consistency=bounded&maxStalenessMs=-1',
    'consistency=bounded&maxStalenessMs=1e3',
  ])('?%s is no read level', async (query) => {
    const answer = await get(`/v1/kv/k1?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.json?.code).toBe('invalid-parameter');
  });
});
