/** Listings against a real cluster: byte order over all shards, pages, cursors. */
import { Buffer } from 'node:buffer';
import { DriftlessClient } from '@driftless/client';
import type { ListedEntry } from '@driftless/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../harness/cluster.ts';

describe('listings', () => {
  let cluster: TestCluster;
  let client: DriftlessClient;
  const keys = [
    '',
    '/',
    '0',
    'a',
    'a/b',
    'b',
    'é',
    'ﬀ',
    '😀',
    ...Array.from({ length: 60 }, (_, n) => `n${n}`),
  ];
  const prefix = 'list\u{1F4C4}/';

  beforeAll(async () => {
    cluster = await TestCluster.start();
    client = new DriftlessClient({ baseUrls: cluster.gatewayUrl, consistency: 'leader' });
    await client.batch(keys.map((key) => ({ op: 'put', key: `${prefix}${key}`, value: { key } })));
    await client.put(`${prefix}text`, 'héllo', { contentType: 'text/plain' });
    await client.put(`${prefix}bytes`, Buffer.from([1, 2]));
  });

  afterAll(async () => {
    await client?.close();
    await cluster?.stop();
  });

  const sorted = (): string[] =>
    [...keys, 'text', 'bytes']
      .map((key) => prefix + key)
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

  it.each([1, 7, 1000])('come in byte order, whole, in pages of %d', async (limit) => {
    const listed: ListedEntry[] = [];
    for await (const entry of client.entries({ prefix, limit })) listed.push(entry);
    expect(listed.map(({ key }) => key)).toEqual(sorted());
    expect(listed.find(({ key }) => key === `${prefix}😀`)).toMatchObject({
      value: { key: '😀' },
      contentType: 'application/json',
    });
    expect(listed.find(({ key }) => key === `${prefix}text`)).toMatchObject({ value: 'héllo', bytes: 6 });
    expect(listed.find(({ key }) => key === `${prefix}bytes`)).toMatchObject({ valueBase64: 'AQI=' });
  });

  it('come without values when not asked for, and say who served them', async () => {
    const page = await client.list({ prefix, limit: 5, values: false });
    expect(page.entries).toHaveLength(5);
    expect(page.entries.every((entry) => !('value' in entry) && entry.bytes > 0)).toBe(true);
    expect(page.node).toMatch(/node-/);
    expect(page.position?.split(',')).toHaveLength(4);
    expect(page.next).toBeDefined();
  });

  it('go on with their cursor only', async () => {
    const { next = '' } = await client.list({ prefix, limit: 1 });
    await expect(client.list({ prefix: `${prefix}x`, cursor: next })).rejects.toMatchObject({
      code: 'invalid-cursor',
    });
    const changed = (next[20] === 'A' ? 'B' : 'A') + next.slice(1);
    await expect(client.list({ prefix, cursor: changed })).rejects.toMatchObject({
      code: 'invalid-cursor',
    });
  });

  it('are empty where there is nothing', async () => {
    expect(await client.list({ prefix: 'nothing here' })).toMatchObject({ entries: [] });
  });

  it('end a page early when its values are large', async () => {
    const large = `${prefix}large/`;
    for (let n = 0; n < 12; n += 1) await client.put(`${large}${n}`, Buffer.alloc(512 * 1024, n));
    const first = await client.list({ prefix: large });
    expect(first.entries.length).toBeLessThan(12);
    const rest = [];
    for await (const entry of client.entries({ prefix: large, cursor: first.next })) rest.push(entry);
    expect(first.entries.length + rest.length).toBe(12);
  });
});
