/**
 * The read levels under faults: a replica that slept refuses what it can't promise, a deposed leader answers
 * no strong read, and a session never goes back in time: it waits, goes elsewhere, or is told what was lost.
 */

import { Buffer } from 'node:buffer';
import { DriftlessClient } from '@driftless/client';
import { encodeFrame, frameContentType, type ReadAnswer } from '@driftless/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { TestCluster } from '../harness/cluster.ts';

let cluster: TestCluster | undefined;
const clients: DriftlessClient[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await cluster?.stop();
});

/** A read straight at a node. */
async function readAt(url: string, key: string, freshness: object): Promise<ReadAnswer['results'][number]> {
  const body = encodeFrame({ reads: [{ shard: 0, key, ...freshness }] }, []);
  const headers = { 'content-type': frameContentType };
  const answer = await fetch(`${url}/node/v1/read`, { method: 'POST', headers, body });
  const text = Buffer.from(await answer.arrayBuffer()).toString('utf8');
  return (JSON.parse(text.split('\n')[0] ?? '') as ReadAnswer).results[0] as never;
}

function clientOf(running: TestCluster, options: object = {}): DriftlessClient {
  const client = new DriftlessClient({ baseUrls: running.gatewayUrl, ...options });
  clients.push(client);
  return client;
}

async function otherLeader(running: TestCluster, than: string): Promise<string> {
  let leader = '';
  await running.until('another leader', async () => {
    for (const { name } of running.nodes.filter((node) => node.name !== than)) {
      if ((await running.replica(name, 0)).role === 'leading') leader = name;
    }
    return leader !== '';
  });
  return leader;
}

describe('bounded reads', () => {
  it('are refused by a replica that slept, and served once it has news', async () => {
    cluster = await TestCluster.start({ shards: 1 });
    const running = cluster;
    const client = clientOf(running, { ack: 'all' });
    await client.putJson('k', 'old');
    const leader = await running.leaderOf(0);
    const sleeper = running.nodes.find(({ name }) => name !== leader) as (typeof running.nodes)[number];
    const bounded = { level: 'bounded', maxStalenessMs: 1000 };
    const url = running.nodeUrl(sleeper.name);
    await running.until('a fresh follower', async () => 'found' in (await readAt(url, 'k', bounded)));
    expect(await readAt(url, 'k', { ...bounded, maxStalenessMs: 0 })).toMatchObject({ error: 'too-stale' });
    await sleeper.signal('SIGSTOP');
    const sleptAt = performance.now();
    const { version } = await client.putJson('k', 'new', { ack: 'stream' });
    await running.until('a sleep past the bound', async () => performance.now() - sleptAt > 1200);
    // Sent while it sleeps: what it finds when it wakes, together with the news of the meantime.
    const late = Array.from({ length: 20 }, () => readAt(url, 'k', bounded));
    await sleeper.signal('SIGCONT');
    for (const result of await Promise.all(late)) {
      // Refused, or read when it had caught up: never the old value.
      if ('error' in result) expect(result.error).toBe('too-stale');
      else expect(result).toMatchObject({ version });
    }
    await running.until('a fresh follower again', async () => 'found' in (await readAt(url, 'k', bounded)));
    expect((await client.getJson('k', { maxStalenessMs: 1000 })).value).toBe('new');
  });

  it('are refused when nobody knows: without news from a leader', async () => {
    cluster = await TestCluster.start({ shards: 1 });
    const running = cluster;
    const client = clientOf(running, { retries: 0 });
    await client.putJson('k', 1, { ack: 'all' });
    expect((await client.getJson('k', { maxStalenessMs: 2000 })).value).toBe(1);
    await running.nats.signal('SIGKILL');
    await running.until('everyone to be unsure', async () => {
      const outcome = await client.get('k', { maxStalenessMs: 60_000 }).catch((error) => error.code);
      return outcome === 'too-stale';
    });
    const error = await client.get('k', { maxStalenessMs: 60_000 }).catch((caught) => caught);
    expect(error).toMatchObject({ code: 'too-stale', status: 503, retryAfterSeconds: 1 });
    expect((await client.getJson('k')).value).toBe(1);
  });
});

describe('strong reads', () => {
  it('are refused by a leader that slept past its lease, and never old while another leads', async () => {
    cluster = await TestCluster.start({ shards: 1 });
    const running = cluster;
    const client = clientOf(running);
    await client.putJson('k', 'old', { ack: 'all' });
    const deposed = running.node(await running.leaderOf(0));
    expect(await readAt(running.nodeUrl(deposed.name), 'k', { level: 'strong' })).toMatchObject({
      found: true,
    });
    await deposed.signal('SIGSTOP');
    const leader = await otherLeader(running, deposed.name);
    const { version } = await client.putJson('k', 'new');
    const url = running.nodeUrl(deposed.name);
    const late = Array.from({ length: 20 }, () => readAt(url, 'k', { level: 'strong' }));
    await deposed.signal('SIGCONT');
    for (const result of await Promise.all(late)) {
      if ('error' in result) expect(result.error).toMatch(/^(not-leader|replica-unavailable)$/);
      else expect(result).toMatchObject({ version });
    }
    expect(await readAt(running.nodeUrl(leader), 'k', { level: 'strong' })).toMatchObject({ version });
    expect((await client.getJson('k', { consistency: 'strong' })).value).toBe('new');
  });

  it('see each write that was acknowledged before they began, through a failover', async () => {
    cluster = await TestCluster.start({ shards: 1 });
    const running = cluster;
    const client = clientOf(running, { consistency: 'strong', retries: 20 });
    let acknowledged = 0;
    let writing = true;
    let reads = 0;
    const writer = (async () => {
      for (let number = 1; writing; number += 1) {
        await client.putJson('n', number);
        acknowledged = number;
      }
    })();
    const reader = (async () => {
      let last = 0;
      while (writing) {
        const before = Math.max(last, acknowledged);
        const read = await client.getJson<number>('n').catch((error) => {
          if (error.code === 'key-not-found' && before === 0) return { value: 0 };
          throw error;
        });
        expect(read.value).toBeGreaterThanOrEqual(before);
        last = read.value;
        reads += 1;
      }
    })();
    await running.until('some reads', async () => reads > 100);
    const leader = running.node(await running.leaderOf(0));
    await leader.signal('SIGSTOP');
    await otherLeader(running, leader.name);
    const then = reads;
    await running.until('reads of the next leader', async () => reads > then + 50);
    await leader.signal('SIGCONT');
    await running.until('reads while the old one wakes', async () => reads > then + 200);
    writing = false;
    await Promise.all([writer, reader]);
  });
});

describe('sessions', () => {
  it.each(['leader', 'stream'] as const)('read what they wrote with ack=%s at every replica', async (ack) => {
    cluster = await TestCluster.start({ shards: 1 });
    const running = cluster;
    const client = clientOf(running, { ack, consistency: 'session' });
    const leader = await running.leaderOf(0);
    const sleeper = running.nodes.find(({ name }) => name !== leader) as (typeof running.nodes)[number];
    const nodes = new Set<string | undefined>();
    for (let i = 0; i < 60; i += 1) {
      if (i === 20) await sleeper.signal('SIGSTOP');
      if (i === 40) await sleeper.signal('SIGCONT');
      await client.putJson('k', i);
      const read = await client.getJson('k');
      expect(read.value).toBe(i);
      nodes.add(read.node);
    }
    expect(nodes.size).toBe(3);
    await sleeper.signal('SIGSTOP');
    const { version } = await client.putJson('k', 'last');
    const [epoch, seq] = version.split('-').map(Number);
    const freshness = { level: 'session', seen: { epoch, seq }, waitMs: 10_000 };
    const late = readAt(running.nodeUrl(sleeper.name), 'k', freshness);
    await sleeper.signal('SIGCONT');
    // It waits until it has applied the write.
    expect(await late).toMatchObject({ found: true, version });
    const ahead = { level: 'session', seen: { epoch, seq: Number(seq) + 1000 }, waitMs: 50 };
    expect(await readAt(running.nodeUrl(leader), 'k', ahead)).toMatchObject({ error: 'session-behind' });
  });

  it('are told what a failover rolled back, and go on from there', async () => {
    cluster = await TestCluster.start({ shards: 1 });
    const running = cluster;
    const client = clientOf(running, { consistency: 'session', retries: 20 });
    await client.putJson('k', 'agreed', { ack: 'all' });
    const deposed = running.node(await running.leaderOf(0));
    await running.nats.signal('SIGKILL');
    const { version } = await client.putJson('k', 'orphan', { ack: 'leader' });
    expect((await client.getJson('k', { consistency: 'eventual' })).node).toBeDefined();
    const token = client.session?.token;
    await deposed.signal('SIGKILL');
    running.nats.start();
    await running.ready();
    const later = client.withSession(token);
    const error = await later.getJson('k').catch((caught) => caught);
    expect(error).toMatchObject({ code: 'session-rolled-back', status: 412 });
    const [epoch, seq] = version.split('-').map(Number);
    const { lost } = error;
    expect(lost).toMatchObject({ shard: 0, position: { epoch, seq } });
    expect(lost.agreed.seq).toBeLessThan(Number(seq));
    expect((await later.getJson('k')).value).toBe('agreed');
    const onWrite = client.withSession(token);
    await expect(onWrite.putJson('k', 'x')).rejects.toMatchObject({ code: 'session-rolled-back' });
    await onWrite.putJson('k', 'x');
    expect((await onWrite.getJson('k')).value).toBe('x');
  });
});
