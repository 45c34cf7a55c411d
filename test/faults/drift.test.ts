/**
 * Damage is met by the digest checks, shows in status and metrics, and never spreads: a byte flipped in a
 * stored event, an event that doesn't lead to its root, a byte flipped in a follower's row.
 */
import { Buffer } from 'node:buffer';
import {
  type Batch,
  encodeBatch,
  eventHeaders,
  eventSubject,
  parseDigest,
  type ReplicaStatus,
} from '@driftless/contracts';
import { jetstream } from '@nats-io/jetstream';
import { connect, headers } from '@nats-io/transport-node';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { TestCluster } from '../harness/cluster.ts';
import { dumpOf } from '../harness/dump.ts';

let cluster: TestCluster | undefined;
afterEach(async () => cluster?.stop());

const json = { 'content-type': 'application/json' };

async function put(running: TestCluster, key: string, value: string): Promise<number> {
  const url = `${running.gatewayUrl}/v1/kv/${key}?ack=all`;
  return (await fetch(url, { method: 'PUT', headers: json, body: JSON.stringify(value) })).status;
}

async function metric(running: TestCluster, node: string, name: string): Promise<number> {
  const text = await (await fetch(`${running.nodeUrl(node)}/metrics`)).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name}{`));
  return line === undefined ? 0 : Number(line.split(' ').at(-1));
}

/** Puts an event on the stream behind the leader's back, as if storage had changed what the leader sent. */
async function smuggle(running: TestCluster, batch: Batch, event: Uint8Array): Promise<void> {
  const connection = await connect({ servers: running.natsUrl });
  const heads = headers();
  heads.set(eventHeaders.epoch, String(batch.epoch));
  heads.set(eventHeaders.firstSeq, String(batch.firstSeq));
  heads.set(eventHeaders.lastSeq, String(batch.firstSeq));
  await jetstream(connection).publish(eventSubject('driftless', batch.shard), event, { headers: heads });
  await connection.close();
}

/** The event that the leader would make next, for one put. */
function nextBatch(leader: ReplicaStatus, key: string, value: string): Batch {
  const root = parseDigest(leader.root);
  const put = {
    op: 'put' as const,
    key,
    value: Buffer.from(value),
    contentType: 'text/plain',
    expiresAt: null,
  };
  const { epoch, seq } = leader.applied;
  return { shard: 0, epoch, firstSeq: seq + 1, ops: [put], committedAt: 0, prevRoot: root, postRoot: root };
}

async function followersOf(running: TestCluster): Promise<string[]> {
  const leader = await running.leaderOf(0);
  return running.nodes.map(({ name }) => name).filter((name) => name !== leader);
}

/** A cluster in which one follower's row of the key `rotten` holds other bytes than were put. */
async function withRottenRow(): Promise<{ running: TestCluster; node: string }> {
  // Without a scrub, which might be the first to see it, and with a row that no node remembers.
  const nodeEnv = { DRIFTLESS_SCRUB_ROWS_PER_SECOND: '0', DRIFTLESS_HEADS_CACHED_MAX: '2' };
  cluster = await TestCluster.start({ shards: 1, nodeEnv });
  expect(await put(cluster, 'rotten', 'agreed')).toBe(201);
  for (const key of ['other', 'another', 'last']) expect(await put(cluster, key, '1')).toBe(201);
  const [node = ''] = await followersOf(cluster);
  const database = new Database(cluster.file(node, 0));
  database.prepare(`UPDATE entries SET value = CAST('"AGREED"' AS BLOB) WHERE key = 'rotten'`).run();
  database.close();
  return { running: cluster, node };
}

describe('drift', () => {
  it('a byte flipped in a stored event: quarantined, replica halted, nothing applied', async () => {
    cluster = await TestCluster.start({ shards: 1 });
    const running = cluster;
    expect(await put(running, 'sound', 'agreed')).toBe(201);
    const leader = await running.leaderOf(0);
    const batch = nextBatch(await running.replica(leader, 0), 'sound', 'damaged');
    const event = encodeBatch(batch);
    event[event.length - 1] = (event.at(-1) ?? 0) ^ 1;
    await smuggle(running, batch, event);
    for (const node of await followersOf(running)) {
      await running.until(
        'the follower to halt',
        async () => (await running.replica(node, 0)).health === 'halted',
      );
      const replica = await running.replica(node, 0);
      expect(replica.reason).toContain('damaged');
      expect(replica.counts.quarantined).toBe(1);
      expect(await metric(running, node, 'replica_halted')).toBe(1);
      const { rows } = await dumpOf(running, node, 0);
      expect(Buffer.from(rows.get('sound')?.value ?? '', 'base64').toString()).toBe('"agreed"');
    }
    const read = await fetch(`${running.gatewayUrl}/v1/kv/sound`);
    expect(await read.text()).toBe('"agreed"');
    expect(read.headers.get('driftless-node')).toBe(leader);
  });

  it('an event that does not lead to its root: drifted at once, taken out of service', async () => {
    cluster = await TestCluster.start({ shards: 1 });
    const running = cluster;
    expect(await put(running, 'sound', 'agreed')).toBe(201);
    const leader = await running.leaderOf(0);
    const batch = nextBatch(await running.replica(leader, 0), 'sound', 'wrong');
    await smuggle(running, batch, encodeBatch(batch));
    for (const node of await followersOf(running)) {
      await running.until(
        'the follower to drift',
        async () => (await running.replica(node, 0)).health === 'drifted',
      );
      const replica = await running.replica(node, 0);
      expect(replica.counts.driftEvents).toBe(1);
      expect(replica.drift).toMatch(/^[0-9a-f]{32}$/);
      expect(replica.lastDrift?.at).toEqual(replica.applied);
      expect(await metric(running, node, 'replication_drift_events_total')).toBe(1);
    }
    const read = await fetch(`${running.gatewayUrl}/v1/kv/sound`);
    expect(await read.text()).toBe('"agreed"');
  });

  it("a byte flipped in a follower's row: met by the next event on it, then proven sound again", async () => {
    const { running, node } = await withRottenRow();
    expect(await put(running, 'rotten', 'newer')).toBe(200);
    await running.until(
      'the check to fail',
      async () => (await running.replica(node, 0)).counts.driftEvents > 0,
    );
    const replica = await running.replica(node, 0);
    expect(replica.counts).toMatchObject({ driftEvents: 1, corruptRows: 1, quarantined: 1 });
    expect(replica.lastDrift?.key).toBe('rotten');
    expect(await metric(running, node, 'replication_drift_events_total')).toBe(1);
    // The event overwrote the row; a scrub proves the rest, and the replica serves again.
    await running.converged();
  });

  it('a byte flipped in a row that is read: another replica answers', async () => {
    const { running, node } = await withRottenRow();
    await running.until('the damaged replica to be asked', async () => {
      const read = await fetch(`${running.gatewayUrl}/v1/kv/rotten`);
      expect(await read.text()).toBe('"agreed"');
      return (await running.replica(node, 0)).health === 'drifted';
    });
    expect(await metric(running, node, 'store_corrupt_reads_total')).toBe(1);
  });
});
