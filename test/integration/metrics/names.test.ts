/**
 * What processes really tell is what docs/metrics.md says: no series without its line there, no label that is
 * not said, and none whose values grow with what clients do.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestCluster } from '../../harness/cluster.ts';
import { Scrape } from '../../harness/scrape.ts';

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start({ shards: 2, gatewayEnv: { DRIFTLESS_CANARY_EVERY_MS: '200' } });
  for (let i = 0; i < 40; i += 1) {
    const url = `${cluster.gatewayUrl}/v1/kv/secret-key-${i}`;
    await (
      await fetch(`${url}?ack=${i % 2 ? 'all' : 'stream'}`, { method: 'PUT', body: `${i}` })
    ).arrayBuffer();
    await (await fetch(`${url}?consistency=${i % 2 ? 'strong' : 'eventual'}`)).arrayBuffer();
  }
  await (await fetch(`${cluster.gatewayUrl}/no/such/secret-path`)).arrayBuffer();
});
afterAll(() => cluster?.stop());

/** Names and labels by docs/metrics.md, of the processes that a title there tells of. */
function documented(title: string): [name: string, labels: string[]][] {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/metrics.md'), 'utf8');
  const [section = ''] = page.split(`\n## ${title}\n`).at(1)?.split('\n## ') ?? [];
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.map((row) => {
    const [, name = '', , , labels = ''] = row.split('|').map((cell) => cell.trim());
    return [name.replaceAll('`', ''), labels.replaceAll('`', '').split(' ').filter(Boolean)];
  });
}

it.each([
  ['Store node', () => cluster.nodes.map(({ name }) => cluster.nodeUrl(name))],
  ['Gateway', () => [cluster.gatewayUrl]],
  ['Anti-entropy', () => [cluster.healerUrl()]],
])(
  'every series of a process is on the page (%s), with its labels, and tells of no key',
  async (title, urls) => {
    const known = new Map([...documented('Every process'), ...documented(title)]);
    const told = new Set<string>();
    for (const url of urls()) {
      // A request that the next scrape tells of.
      await Scrape.of(url);
      for (const { name, labels } of (await Scrape.of(url)).samples) {
        if (name === 'target_info') continue;
        const family = known.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
        const { le: _, ...own } = labels;
        expect(Object.keys(own).toSorted(), name).toEqual(known.get(family)?.toSorted());
        expect(Object.values(labels).join(' ')).not.toContain('secret');
        told.add(family);
      }
    }
    // What every process has is there from its start; a round trip to NATS takes its time.
    const missing = documented('Every process').filter(([name]) => !told.has(name));
    expect(missing.map(([name]) => name).filter((name) => name !== 'nats_round_trip_seconds')).toEqual([]);
  },
);

it('what has not happened yet is 0, so that the first time shows as an increase', async () => {
  for (const { name } of cluster.nodes) {
    const scrape = await Scrape.of(cluster.nodeUrl(name));
    for (const shard of [0, 1]) {
      expect(scrape.value('replication_gaps_total', { shard })).toBe(0);
      expect(scrape.value('replication_dead_letters_total', { shard })).toBe(0);
      expect(scrape.value('replication_drift_events_total', { shard })).toBe(0);
    }
  }
});

it('canaries reach every replica, and no client meets them', async () => {
  const nodes = cluster.nodes.map(({ name }) => name);
  await cluster.until('every replica to show a canary', async () => {
    const scrape = await Scrape.of(cluster.gatewayUrl);
    return [0, 1].every((shard) =>
      nodes.every((node) => (scrape.value('canary_visible_seconds_count', { shard, node }) ?? 0) > 1),
    );
  });
  const scrape = await Scrape.of(cluster.gatewayUrl);
  for (const { value } of scrape.all('canary_last_seen_timestamp_seconds')) {
    expect(Math.abs(Date.now() / 1000 - value)).toBeLessThan(10);
  }
  expect(scrape.value('gateway_writes_total', { ack: 'stream', result: 'ok' })).toBe(20);
  expect(scrape.value('gateway_reads_total', { level: 'strong', result: 'ok' })).toBe(20);
  const listed = await fetch(`${cluster.gatewayUrl}/v1/kv?limit=1000&consistency=leader`);
  const { entries } = (await listed.json()) as { entries: { key: string }[] };
  expect(entries.length).toBe(40);
  expect(entries.every(({ key }) => key.startsWith('secret-key-'))).toBe(true);
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const body = method === 'PUT' ? { body: '1' } : {};
    const answer = await fetch(`${cluster.gatewayUrl}/v1/kv/%24driftless/canary/0/0`, { method, ...body });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'invalid-key' });
  }
});

it('a replica that is away shows no canary, and how long it was away when it is back', async () => {
  const node = cluster.nodes[0]?.name ?? '';
  const process = cluster.node(node);
  const lastSeen = async (): Promise<number> =>
    (await Scrape.of(cluster.gatewayUrl)).value('canary_last_seen_timestamp_seconds', { shard: 0, node }) ??
    0;
  const late = async (): Promise<number> =>
    (await Scrape.of(cluster.gatewayUrl)).above('canary_visible_seconds', 2, { shard: 0, node });
  expect(await late()).toBe(0);
  await process.signal('SIGSTOP');
  try {
    await cluster.until('its canary to be old', async () => Date.now() / 1000 - (await lastSeen()) > 4);
  } finally {
    await process.signal('SIGCONT');
  }
  await cluster.until('it to show one again', async () => Date.now() / 1000 - (await lastSeen()) < 2);
  expect(await late()).toBe(1);
});
