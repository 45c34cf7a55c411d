/**
 * Faults that leave a mark in every metric which a healthy cluster doesn't have. After each the cluster is
 * whole again.
 */
import { Buffer } from 'node:buffer';
import { rmSync } from 'node:fs';
import { DriftlessClient } from '@driftless/client';
import { encodeFrame, frameContentType, type injectKinds, shardOf, streamName } from '@driftless/contracts';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { TestCluster } from '../../harness/cluster.ts';
import type { TestProcess } from '../../harness/process.ts';

/** A key of a shard. */
export function keyOf(cluster: TestCluster, shard: number): string {
  let number = 0;
  while (shardOf(`mark-${number}`, cluster.shardCount) !== shard) number += 1;
  return `mark-${number}`;
}

export async function followerOf(cluster: TestCluster, shard: number): Promise<TestProcess> {
  const leader = await cluster.leaderOf(shard);
  return cluster.nodes.find(({ name }) => name !== leader) as TestProcess;
}

/** What clients do besides writing: reads of each level, a session, a watch, a delete. */
export async function useAllOf(cluster: TestCluster): Promise<void> {
  const client = new DriftlessClient({ baseUrls: [cluster.gatewayUrl] });
  for (let shard = 0; shard < cluster.shardCount; shard += 1) {
    const key = keyOf(cluster, shard);
    await client.putJson(key, { shard }, { ack: 'all' });
    for (const consistency of ['eventual', 'session', 'leader', 'strong'] as const) {
      await client.getJson(key, { consistency });
    }
    await client.getJson(key, { consistency: 'bounded', maxStalenessMs: 10_000 });
    await client.putJson(`gone-${shard}`, { shard }, { ack: 'all' });
    await client.delete(`gone-${shard}`);
  }
}

/** More watchers than the gateway takes (its limit is set to one). */
export async function watchTooMuch(cluster: TestCluster): Promise<number> {
  const end = new AbortController();
  const watch = () => fetch(`${cluster.gatewayUrl}/v1/watch`, { signal: end.signal });
  const first = await watch();
  const second = await watch();
  end.abort();
  await first.body?.cancel().catch(() => undefined);
  return second.status;
}

export async function spoil(
  cluster: TestCluster,
  shard: number,
  kind: (typeof injectKinds)[number],
): Promise<void> {
  const key = keyOf(cluster, shard);
  const { name: node } = await followerOf(cluster, shard);
  await new DriftlessClient({ baseUrls: [cluster.gatewayUrl] }).putJson(key, 'sound', { ack: 'all' });
  await cluster.until(`${kind} on ${node}`, async () => {
    const answer = await fetch(`${cluster.nodeUrl(node)}/node/v1/shards/${shard}/inject`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ kind, key }),
    });
    return answer.ok;
  });
  // At once, so that the read is the first to meet it, and not the audit.
  await fetch(`${cluster.nodeUrl(node)}/node/v1/read`, {
    method: 'POST',
    headers: { 'content-type': frameContentType },
    body: encodeFrame({ reads: [{ shard, key, level: 'eventual' }] }, []),
  });
  await cluster.converged(60_000);
}

/** A node comes back without the file of a shard, and takes a copy of a peer's. */
export async function loseFile(cluster: TestCluster, shard: number): Promise<void> {
  const follower = await followerOf(cluster, shard);
  await follower.signal('SIGKILL');
  for (const end of ['', '-wal', '-shm'])
    rmSync(`${cluster.file(follower.name, shard)}${end}`, { force: true });
  follower.start();
  await cluster.converged(60_000);
}

/** What a follower misses while it is away is purged from the stream: it meets a gap. */
export async function purgeWhileAway(
  cluster: TestCluster,
  shard: number,
  whileAway: (follower: TestProcess) => Promise<void>,
): Promise<void> {
  const follower = await followerOf(cluster, shard);
  await follower.signal('SIGKILL');
  await whileAway(follower);
  await manage(cluster, (jsm) => jsm.streams.purge(streamName('driftless', shard)));
  follower.start();
  await cluster.converged(60_000);
}

export async function deleteStream(cluster: TestCluster, shard: number): Promise<void> {
  await manage(cluster, (jsm) => jsm.streams.delete(streamName('driftless', shard)));
  await cluster.ready();
  await cluster.converged(60_000);
}

/** A leader commits alone while NATS is away, dies, and finds on its return that others went on. */
export async function orphan(cluster: TestCluster, shard: number): Promise<void> {
  const key = keyOf(cluster, shard);
  const deposed = cluster.node(await cluster.leaderOf(shard));
  await cluster.nats.signal('SIGKILL');
  const value = Buffer.from('"alone"');
  const operations = [{ op: 'put', key, bytes: value.length, type: 'application/json' }];
  const header = { shard, ack: 'leader', timeoutMs: 2000, operations };
  await fetch(`${cluster.nodeUrl(deposed.name)}/node/v1/write`, {
    method: 'POST',
    headers: { 'content-type': frameContentType },
    body: encodeFrame(header, [value]),
  });
  await deposed.signal('SIGKILL');
  cluster.nats.start();
  // Of those that run: somebody else.
  await cluster.leaderOf(shard);
  await cluster.until('a write under the new leader', async () => {
    const url = `${cluster.gatewayUrl}/v1/kv/${key}?ack=stream`;
    return (await fetch(url, { method: 'PUT', body: 'newer' })).ok;
  });
  deposed.start();
  await cluster.converged(60_000);
  await cluster.until('the orphan to be offered', async () => {
    const metrics = await (await fetch(`${cluster.nodeUrl(deposed.name)}/metrics`)).text();
    return /^replication_orphans_offered_total\{.*\} [1-9]/m.test(metrics);
  });
}

type Manager = Awaited<ReturnType<typeof jetstreamManager>>;

async function manage(cluster: TestCluster, work: (jsm: Manager) => Promise<unknown>): Promise<void> {
  const connection = await connect({ servers: cluster.natsUrl });
  await work(await jetstreamManager(connection));
  await connection.close();
}
