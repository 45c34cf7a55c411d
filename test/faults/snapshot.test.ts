/**
 * Snapshots: a replica that no log reaches back to, an empty one, and one that halted take a copy of a
 * healthy peer, audited before it is installed, while writes go on.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { eventSubject } from '@driftless/contracts';
import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterEach, describe, expect, it } from 'vitest';
import { TestCluster } from '../harness/cluster.ts';
import { problemsOf } from '../harness/dump.ts';
import { Load } from '../harness/load.ts';

let cluster: TestCluster | undefined;
let load: Load | undefined;

afterEach(async () => {
  await load?.stop();
  await cluster?.stop();
});

const mebibyte = 1024 * 1024;

async function counter(running: TestCluster, node: string, name: string): Promise<number> {
  const text = await (await fetch(`${running.nodeUrl(node)}/metrics`)).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name}{`));
  return line === undefined ? 0 : Number(line.split(' ').at(-1));
}

/** Writes more than the stream and the logs keep. */
async function writeMuch(running: TestCluster, count: number): Promise<void> {
  const value = 'x'.repeat(20_000);
  for (let from = 0; from < count; from += 20) {
    const operations = Array.from({ length: 20 }, (_, i) => ({ op: 'put', key: `much/${from + i}`, value }));
    const answer = await fetch(`${running.gatewayUrl}/v1/batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ operations }),
    });
    expect(answer.status).toBe(200);
  }
}

async function followerOf(running: TestCluster) {
  const leader = await running.leaderOf(0);
  const follower = running.nodes.find(({ name }) => name !== leader);
  if (!follower) throw new Error('no follower');
  return follower;
}

describe('snapshots', () => {
  it('bring an emptied node back that no log reaches, while writes go on', async () => {
    const nodeEnv = {
      DRIFTLESS_LOG_BYTES_MIN: '0',
      DRIFTLESS_LOG_BYTES_MAX: String(mebibyte),
      DRIFTLESS_STREAM_BYTES_MAX: String(mebibyte),
    };
    cluster = await TestCluster.start({ shards: 1, nodeEnv });
    const running = cluster;
    const emptied = await followerOf(running);
    await emptied.signal('SIGKILL');
    rmSync(join(running.directory, 'nodes', emptied.name), { recursive: true });
    await writeMuch(running, 400);
    const leader = await running.leaderOf(0);
    await running.until('the log to be trimmed', async () => {
      const { log } = await running.replica(leader, 0);
      return log !== undefined && log.firstSeq > 100;
    });
    load = new Load(running, { perSecond: 200, ack: 'majority', name: 'meanwhile' });
    await load.more(100);
    emptied.start();
    await running.until('a snapshot', async () => {
      return (await counter(running, emptied.name, 'replica_snapshots_installed_total')) === 1;
    });
    await load.more(200);
    const history = await load.stop();
    await running.converged();
    expect(await problemsOf(running, history)).toEqual([]);
  });

  it('bring a halted replica back once a healthy peer is past what halted it', async () => {
    cluster = await TestCluster.start({ shards: 1 });
    const running = cluster;
    load = new Load(running, { perSecond: 200, ack: 'stream', name: 'meanwhile' });
    await load.more(100);
    const follower = await followerOf(running);
    const connection = await connect({ servers: running.natsUrl });
    await jetstream(connection).publish(eventSubject('driftless', 0), 'not an event');
    await connection.close();
    await running.until('the follower to halt', async () => {
      return (await running.replica(follower.name, 0)).health === 'halted';
    });
    await load.more(100);
    const history = await load.stop();
    await running.converged();
    expect(await problemsOf(running, history)).toEqual([]);
    const { counts } = await running.replica(follower.name, 0);
    expect(counts.quarantined).toBe(1);
    expect(await counter(running, follower.name, 'replica_snapshots_installed_total')).toBe(1);
  });
});
