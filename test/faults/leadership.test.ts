/**
 * Leadership under faults: a paused leader gets nothing accepted once another leads; what a deposed leader
 * had committed alone is cut off, kept, and its keys are put back, so that roots are equal again.
 */
import { Buffer } from 'node:buffer';
import { encodeFrame, frameContentType, shardOf, type WriteAnswer } from '@driftless/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { TestCluster } from '../harness/cluster.ts';
import { dumpOf, problemsOf } from '../harness/dump.ts';
import { Load } from '../harness/load.ts';

let cluster: TestCluster | undefined;
let load: Load | undefined;
afterEach(async () => {
  await load?.stop();
  load = undefined;
  await cluster?.stop();
});

/** Keys of one shard, in order. */
function keysOf(shard: number, count: number, shardCount: number): string[] {
  const keys: string[] = [];
  for (let i = 0; keys.length < count; i += 1)
    if (shardOf(`key-${i}`, shardCount) === shard) keys.push(`key-${i}`);
  return keys;
}

/** A write straight to a node, as a gateway with an old routing table would send it. */
async function writeTo(
  url: string,
  shard: number,
  ack: string,
  keys: readonly string[],
  text: string,
): Promise<Response> {
  const value = Buffer.from(JSON.stringify(text));
  const operations = keys.map((key) => ({ op: 'put', key, bytes: value.length, type: 'application/json' }));
  const header = { shard, ack, timeoutMs: 2000, operations };
  const body = encodeFrame(
    header,
    keys.map(() => value),
  );
  return fetch(`${url}/node/v1/write`, {
    method: 'POST',
    headers: { 'content-type': frameContentType },
    body,
  });
}

async function put(running: TestCluster, key: string, text: string): Promise<number> {
  const url = `${running.gatewayUrl}/v1/kv/${key}?ack=all`;
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'PUT', headers, body: JSON.stringify(text) });
  return answer.status;
}

async function valueOn(running: TestCluster, node: string, shard: number, key: string): Promise<unknown> {
  const { rows } = await dumpOf(running, node, shard);
  const row = rows.get(key);
  return row && JSON.parse(Buffer.from(row.value, 'base64').toString());
}

describe('leadership', () => {
  it('a leader paused for longer than its lease gets nothing accepted when it wakes', async () => {
    cluster = await TestCluster.start({ shards: 1 });
    const running = cluster;
    const [key = ''] = keysOf(0, 1, 1);
    expect(await put(running, key, 'before')).toBe(201);
    const paused = running.node(await running.leaderOf(0));
    await paused.signal('SIGSTOP');
    const others = running.nodes.filter((node) => node !== paused);
    await running.until('another leader', async () => {
      const replicas = await Promise.all(others.map(({ name }) => running.replica(name, 0)));
      return replicas.some(({ role }) => role === 'leading');
    });
    // Sent while it sleeps: the first thing that it finds when it wakes.
    const late = writeTo(running.nodeUrl(paused.name), 0, 'leader', [key], 'from the past');
    await paused.signal('SIGCONT');
    const answer = await late;
    expect(answer.status).toBe(503);
    expect(((await answer.json()) as { code: string }).code).toBe('not-leader');
    expect(await put(running, key, 'after')).toBe(200);
    await running.converged();
    for (const { name } of running.nodes) expect(await valueOn(running, name, 0, key)).toBe('after');
  });

  it('orphans are cut off, then applied anew where nobody wrote the key since', async () => {
    cluster = await TestCluster.start({ shards: 1 });
    const running = cluster;
    const [kept = '', overwritten = '', fresh = ''] = keysOf(0, 3, 1);
    expect(await put(running, kept, 'agreed')).toBe(201);
    expect(await put(running, overwritten, 'agreed')).toBe(201);
    const deposed = running.node(await running.leaderOf(0));
    await running.nats.signal('SIGKILL');
    // Without NATS nobody can be elected, so ack=leader goes on, provisional.
    const provisional = await writeTo(
      running.nodeUrl(deposed.name),
      0,
      'leader',
      [kept, overwritten, fresh],
      'orphan',
    );
    expect(provisional.status).toBe(200);
    expect(
      ((await provisional.json()) as WriteAnswer).results.every(({ error }) => error === undefined),
    ).toBe(true);
    await deposed.signal('SIGKILL');
    running.nats.start();
    await running.ready();
    await running.until(
      'a write under the new leader',
      async () => (await put(running, overwritten, 'newer')) >= 200,
    );
    deposed.start();
    await running.converged();
    // Nobody wrote these since, so the leader takes them as new operations; the third one is for a person to
    // decide.
    await running.until('the orphans to be applied anew', async () => {
      const values = await Promise.all([kept, fresh].map((key) => valueOn(running, deposed.name, 0, key)));
      return values.every((value) => value === 'orphan');
    });
    await running.converged();
    for (const { name } of running.nodes) {
      expect(await valueOn(running, name, 0, kept)).toBe('orphan');
      expect(await valueOn(running, name, 0, overwritten)).toBe('newer');
      expect(await valueOn(running, name, 0, fresh)).toBe('orphan');
    }
    const { counts } = await running.replica(deposed.name, 0);
    expect(counts).toMatchObject({ orphans: 1, driftEvents: 0 });
    const url = `${running.gatewayUrl}/v1/admin/orphans`;
    const { orphans } = (await (await fetch(url)).json()) as { orphans: Record<string, string>[] };
    expect(orphans).toMatchObject([{ node: deposed.name, key: overwritten, op: 'put', state: 'kept' }]);
    const [orphan] = orphans;
    const discard = `${url}/${orphan?.node}/${orphan?.shard}/${orphan?.version}`;
    expect((await fetch(discard, { method: 'DELETE' })).status).toBe(204);
    expect(await (await fetch(url)).json()).toEqual({ orphans: [] });
  });

  it('moves by SIGTERM and by command under load, without a failed write', async () => {
    cluster = await TestCluster.start();
    const running = cluster;
    load = new Load(running, { perSecond: 250, ack: 'stream', name: 'move' });
    await load.more(250);
    const leader = await running.leaderOf(0);
    const next = running.nodes.find(({ name }) => name !== leader)?.name ?? '';
    const moved = await fetch(`${running.gatewayUrl}/v1/admin/shards/0/leader`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ node: next }),
    });
    expect(moved.status).toBe(200);
    expect(await moved.json()).toMatchObject({ shard: 0, leader: next });
    await load.more(250);
    await running.node(next).signal('SIGTERM');
    await load.more(500);
    running.node(next).start();
    const history = await load.stop();
    expect(history.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
    await running.converged();
    expect(await problemsOf(running, history)).toEqual([]);
  });
});
