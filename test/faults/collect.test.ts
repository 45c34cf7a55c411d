/**
 * Deletes never come back. Tombstones and expired values are removed for good once every member was proven
 * equal past them, and not before; then a node that was away, an old copy of a file put back, and a replica
 * that skipped the removal are brought to where the others are. The test proves what it tells the leader.
 */
import { rmSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { formatPosition, type VerifiedHeader } from '@driftless/contracts';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { type ClusterOptions, TestCluster } from '../harness/cluster.ts';
import { dumpOf } from '../harness/dump.ts';
import type { TestProcess } from '../harness/process.ts';

const shard = 0;
const keys = Array.from({ length: 50 }, (_, i) => `gone/${i}`);
const fleeting = Array.from({ length: 20 }, (_, i) => `fleeting/${i}`);
const json = { 'content-type': 'application/json' };

let cluster: TestCluster | undefined;
afterEach(async () => cluster?.stop());

async function start(options: ClusterOptions = {}): Promise<TestCluster> {
  const nodeEnv = { DRIFTLESS_EXPIRED_KEPT_MS: '500', DRIFTLESS_DRIFTED_MS_MAX: '1000', ...options.nodeEnv };
  cluster = await TestCluster.start({ shards: 1, ...options, nodeEnv });
  return cluster;
}

type Operation = { op: 'put' | 'delete'; key: string; value?: unknown; ttl?: number };

/** The status of each operation. */
async function batch(running: TestCluster, operations: Operation[], ack = 'all'): Promise<number[]> {
  const answer = await fetch(`${running.gatewayUrl}/v1/batch?ack=${ack}`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ operations }),
  });
  const { results } = (await answer.json()) as { results: { status: number }[] };
  return results.map(({ status }) => status);
}

const puts = (names: readonly string[], value: string, ttl?: number): Operation[] =>
  names.map((key) => ({ op: 'put', key, value, ...(ttl !== undefined && { ttl }) }));
const deletes = (names: readonly string[]): Operation[] => names.map((key) => ({ op: 'delete', key }));

/** Where all members stand, equal; what anti-entropy would have found. */
async function proven(running: TestCluster): Promise<VerifiedHeader> {
  await running.converged();
  const replicas = await Promise.all(running.nodes.map(({ name }) => running.replica(name, shard)));
  const places = replicas.map(({ applied, root }) => `${formatPosition(applied)} ${root}`);
  expect(new Set(places).size, places.join()).toBe(1);
  const [first] = replicas;
  if (!first) throw new Error('There are no replicas.');
  return { position: first.applied, members: running.nodes.map(({ name }) => name) };
}

async function tell(running: TestCluster, told: VerifiedHeader): Promise<void> {
  const url = `${running.nodeUrl(await running.leaderOf(shard))}/node/v1/shards/${shard}/verified`;
  const answer = await fetch(url, { method: 'POST', headers: json, body: JSON.stringify(told) });
  expect(answer.status, await answer.text()).toBe(200);
}

async function rowsOf(running: TestCluster, node: string): Promise<string[]> {
  return [...(await dumpOf(running, node, shard)).rows.keys()].sort();
}

async function leaderRows(running: TestCluster): Promise<string[]> {
  return rowsOf(running, await running.leaderOf(shard));
}

/** Resolves when the leader has removed all deleted rows for good; only `left` are there. */
async function collected(running: TestCluster, left: readonly string[] = []): Promise<void> {
  await tell(running, await proven(running));
  await running.until('the rows to be removed', async () => {
    return (await leaderRows(running)).join() === [...left].sort().join();
  });
}

/** No replica has a row but `left`, roots are equal and are those of the rows, and no reader sees a key. */
async function staysDeleted(running: TestCluster, left: readonly string[] = []): Promise<void> {
  await running.converged();
  for (const { name } of running.nodes) {
    const { rows, head, root } = await dumpOf(running, name, shard);
    expect([...rows.keys()].sort(), name).toEqual([...left].sort());
    expect(root, name).toBe(head.root);
  }
  for (const key of keys.slice(0, 5)) {
    for (const level of ['eventual', 'strong']) {
      const url = `${running.gatewayUrl}/v1/kv/${encodeURIComponent(key)}?consistency=${level}`;
      expect((await fetch(url)).status, `${key} ${level}`).toBe(404);
    }
  }
}

async function followerOf(running: TestCluster): Promise<TestProcess> {
  const leader = await running.leaderOf(shard);
  const follower = running.nodes.find(({ name }) => name !== leader);
  if (!follower) throw new Error('no follower');
  return follower;
}

/** A copy of a replica's file as it is now; what it returns puts it in the file's place. */
async function copyOf(file: string): Promise<() => Promise<void>> {
  const database = new Database(file, { readonly: true });
  await database.backup(`${file}.copy`);
  database.close();
  return async () => {
    for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
    await rename(`${file}.copy`, file);
  };
}

/** More than logs and the stream keep. */
async function writeMuch(running: TestCluster): Promise<void> {
  for (let i = 0; i < 200; i += 1) await batch(running, puts(['much'], 'x'.repeat(20_000)), 'stream');
  await running.until('the log to be trimmed', async () => {
    const { log } = await running.replica(await running.leaderOf(shard), shard);
    return log === undefined || log.firstSeq > 150;
  });
}

const smallLogs = {
  DRIFTLESS_LOG_BYTES_MIN: '0',
  DRIFTLESS_LOG_BYTES_MAX: String(1024 * 1024),
  DRIFTLESS_STREAM_BYTES_MAX: String(1024 * 1024),
};

/** Rounds that anti-entropy has ended so. */
async function rounds(running: TestCluster, outcome: string): Promise<number> {
  const text = await (await fetch(`${running.healerUrl()}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith('anti_entropy_rounds_total{'));
  const counts = lines.filter((line) => line.includes(`outcome="${outcome}"`));
  return counts.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

describe('deletes never come back', () => {
  it('by anti-entropy alone: they go when all are proven equal, and not while a node is away', async () => {
    const antiEntropy = { DRIFTLESS_ROUND_EVERY_MS: '1000', DRIFTLESS_ROUND_RETRY_MS: '500' };
    const running = await start({ antiEntropy });
    await batch(running, [...puts([...keys, 'early', 'stays'], '1'), ...puts(fleeting, '1', 1)]);
    await batch(running, deletes(['early']));
    await running.until('what was deleted and what expired to go', async () => {
      return (await leaderRows(running)).join() === [...keys, 'stays'].sort().join();
    });
    const away = await followerOf(running);
    await away.signal('SIGKILL');
    await batch(running, deletes(keys), 'majority');
    const before = await rounds(running, 'not-comparable');
    await running.until('rounds without that node', async () => {
      return (await rounds(running, 'not-comparable')) >= before + 3;
    });
    expect(await leaderRows(running)).toEqual([...keys, 'stays'].sort());
    away.start();
    await running.until('what was deleted to go', async () => (await leaderRows(running)).join() === 'stays');
    await staysDeleted(running, ['stays']);
  });

  it('tombstones are kept while a node is away; then they go, and keys are like new ones', async () => {
    const running = await start();
    await batch(running, [...puts([...keys, 'early'], '1'), ...puts(fleeting, '1', 1)]);
    await batch(running, deletes(['early']));
    const before = await proven(running);
    const away = await followerOf(running);
    await away.signal('SIGKILL');
    expect(await batch(running, deletes(keys), 'majority')).toEqual(keys.map(() => 204));
    await batch(running, puts(['brief'], '1', 1), 'majority');
    // What the absent node was proven to have goes; by then everything else had its chance.
    await tell(running, before);
    await running.until('what was proven to be removed', async () => {
      const rows = await leaderRows(running);
      return !rows.includes('early') && !fleeting.some((key) => rows.includes(key));
    });
    expect(await leaderRows(running)).toEqual([...keys, 'brief'].sort());
    away.start();
    await collected(running);
    await staysDeleted(running);
    const url = `${running.gatewayUrl}/v1/kv/${encodeURIComponent('gone/0')}?ack=all`;
    const write = () => fetch(url, { method: 'PUT', headers: { ...json, 'if-none-match': '*' }, body: '2' });
    expect((await write()).status).toBe(201);
    expect((await write()).status).toBe(412);
    await running.converged();
    for (const { name } of running.nodes) expect(await rowsOf(running, name)).toEqual(['gone/0']);
  });

  it("an old copy of a follower's file, from before the deletes, to which no log reaches back", async () => {
    const running = await start({ nodeEnv: smallLogs });
    await batch(running, puts(keys, '1'));
    const follower = await followerOf(running);
    const putBack = await copyOf(running.file(follower.name, shard));
    await batch(running, deletes(keys));
    await collected(running);
    await writeMuch(running);
    await follower.signal('SIGKILL');
    await putBack();
    follower.start();
    await running.until('the follower', async () => (await running.status(follower.name)).natsConnected);
    await staysDeleted(running, ['much']);
  });

  it("an old copy of the leader's file, from before the deletes, whose log goes on from there", async () => {
    const running = await start();
    await batch(running, puts(keys, '1'));
    await running.converged();
    const leader = running.node(await running.leaderOf(shard));
    const putBack = await copyOf(running.file(leader.name, shard));
    await batch(running, deletes(keys));
    await collected(running);
    await leader.signal('SIGKILL');
    await putBack();
    leader.start();
    await running.until(
      'the leader of before',
      async () => (await running.status(leader.name)).natsConnected,
    );
    await staysDeleted(running);
  });

  it('a replica that skipped the removal is found by the next event', async () => {
    const running = await start();
    await batch(running, puts(keys, '1'));
    await batch(running, deletes(keys));
    const told = await proven(running);
    const follower = await followerOf(running);
    await follower.signal('SIGKILL');
    await tell(running, told);
    await running.until('the rows to be removed', async () => (await leaderRows(running)).length === 0);
    const leader = await running.leaderOf(shard);
    skipLog(running.file(follower.name, shard), running.file(leader, shard));
    follower.start();
    await running.until('the follower to come to where the leader is', async () => {
      const { applied } = await running.replica(follower.name, shard);
      return formatPosition(applied) === formatPosition((await running.replica(leader, shard)).applied);
    });
    expect(await rowsOf(running, follower.name), 'it has what it should not have').toEqual([...keys].sort());
    await batch(running, puts(['next'], '1'), 'majority');
    await running.until('the drift to be found', async () => {
      return (await running.replica(follower.name, shard)).counts.driftEvents > 0;
    });
    await staysDeleted(running, ['next']);
  });
});

/** Lets a stopped replica believe that it has applied what the log of another one has past its own. */
function skipLog(file: string, from: string): void {
  const database = new Database(file);
  database.exec(`ATTACH '${from}' AS other`);
  const skipped = database.prepare(`
    INSERT INTO main.log (first_seq, last_seq, epoch, committed_at, leaf_moves, event)
    SELECT first_seq, last_seq, epoch, committed_at, x'', event FROM other.log
    WHERE first_seq > (SELECT seq FROM main.meta)`);
  expect(skipped.run().changes).toBeGreaterThan(0);
  database.exec('UPDATE main.meta SET seq = (SELECT max(last_seq) FROM main.log)');
  database.close();
}
