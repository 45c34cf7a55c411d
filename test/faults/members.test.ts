/**
 * Members come and go under load: 3 → 5 → 3 nodes, a lost node replaced, and what may die on the way. Nothing
 * acknowledged is lost, only what must move does, and reads and writes go on.
 */
import { existsSync, rmSync } from 'node:fs';
import { type MembersView, replicasOf } from '@driftless/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { violationsOf } from '../checkers/record.ts';
import { TestCluster } from '../harness/cluster.ts';
import { type Dump, dumpOf, problemsOf } from '../harness/dump.ts';
import { Load, longestShardPauseMs } from '../harness/load.ts';
import type { TestProcess } from '../harness/process.ts';
import { Reads } from '../harness/reads.ts';

const shards = 8;
const movedMs = 120_000;
const testMs = 300_000;

let cluster: TestCluster | undefined;
let load: Load | undefined;
let reads: Reads | undefined;
afterEach(async () => {
  await reads?.stop();
  await load?.stop();
  [load, reads] = [undefined, undefined];
  await cluster?.stop();
});

async function membersOf({ gatewayUrl }: TestCluster): Promise<MembersView> {
  return (await (await fetch(`${gatewayUrl}/v1/admin/members`)).json()) as MembersView;
}

async function order({ gatewayUrl }: TestCluster, method: string, path: string, body?: object) {
  const json = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const answer = await fetch(`${gatewayUrl}/v1/admin/members/${path}`, { method, ...json });
  expect(answer.status, await answer.text()).toBe(202);
}

/** Resolves when these nodes are the members, no shard moves, and no copy is left behind. */
async function settled(running: TestCluster, nodes: readonly string[]): Promise<void> {
  let seen = '';
  await running.until(
    () => `the members ${nodes.join()}; last seen: ${seen}`,
    async () => {
      const { members, moves } = await membersOf(running);
      seen = JSON.stringify({ members, moves });
      const staying = members.filter(({ state }) => state !== 'left');
      const isAs = staying.every(({ state, copies }) => state === 'member' && copies.length === 0);
      return (
        isAs && moves.length === 0 && staying.map(({ node }) => node).join() === [...nodes].sort().join()
      );
    },
    movedMs,
  );
}

async function setsOf(running: TestCluster): Promise<string[][]> {
  const view = await running.view();
  return view.shards.map(({ members }) => [...members].sort());
}

const wantedOf = (places: readonly string[]): string[][] =>
  Array.from({ length: shards }, (_, shard) => replicasOf(shard, places, 3).sort());

/** Additions and removals that leaders have logged so far, from all that nodes have said. */
function changesOf(running: TestCluster): { added: string[]; removed: string[] } {
  const lines = running.outputs().flatMap((output) => output.split('\n'));
  const changes = lines.filter((line) => line.includes('changing the replica set'));
  const of = (what: string): string[] =>
    changes.flatMap((line) => {
      const { shard, why } = JSON.parse(line) as { shard: number; why: string };
      return why.startsWith(what) ? [`${why.slice(what.length + 1)}/${shard}`] : [];
    });
  return { added: of('add').sort(), removed: of('remove').sort() };
}

/** What has to move from some sets to others: node/shard. */
function difference(from: readonly string[][], to: readonly string[][]): string[] {
  return to.flatMap((nodes, shard) =>
    nodes.filter((node) => !from[shard]?.includes(node)).map((node) => `${node}/${shard}`),
  );
}

/** So much that a copy takes a while. */
async function fill({ gatewayUrl }: TestCluster): Promise<void> {
  const value = 'x'.repeat(100_000);
  for (let i = 0; i < 300; i += 1) {
    const url = `${gatewayUrl}/v1/kv/fill%2F${i}?ack=all`;
    const answer = await fetch(url, {
      method: 'PUT',
      body: value,
      headers: { 'content-type': 'text/plain' },
    });
    expect(answer.status).toBe(201);
  }
}

/** What all replicas hold, those of a shard at one position: a leadership may still move meanwhile. */
async function dumpsOf(running: TestCluster): Promise<Dump[]> {
  const dumps: Dump[] = [];
  for (let shard = 0; shard < shards; shard += 1) {
    let taken: Dump[] = [];
    await running.until(`dumps of shard ${shard} at one position`, async () => {
      const holders = await Promise.all(running.nodes.map(({ name }) => running.status(name)));
      const nodes = holders.filter((holder) => holder.shards.some((replica) => replica.shard === shard));
      taken = await Promise.all(nodes.map(({ node }) => dumpOf(running, node, shard)));
      return new Set(taken.map(({ head }) => JSON.stringify(head.position))).size === 1;
    });
    dumps.push(...taken);
  }
  return dumps;
}

/** Everything that is wrong after the load has ended. */
async function verdict(running: TestCluster, history: Awaited<ReturnType<Load['stop']>>): Promise<string[]> {
  // What made the copies large is nobody's history.
  const dumps = (await dumpsOf(running)).map((dump) => ({
    ...dump,
    rows: new Map([...dump.rows].filter(([key]) => !key.startsWith('fill/'))),
  }));
  const recording = { entries: history, dumps, shardCount: shards, ack: 'majority' as const };
  return [...(await problemsOf(running, history)), ...violationsOf(recording)];
}

describe('members come and go under load', () => {
  it(
    '3 → 5 → 3 nodes, the founders that led among those that leave',
    async () => {
      cluster = await TestCluster.start({ shards });
      const running = cluster;
      load = new Load(running, { perSecond: 150, ack: 'majority', name: 'grow' });
      await load.more(300);
      reads = new Reads(running, load);
      const startedAt = performance.now();
      const three = await setsOf(running);
      await running.addNode('node-4');
      await running.addNode('node-5');
      await settled(running, ['node-1', 'node-2', 'node-3', 'node-4', 'node-5']);
      const five = wantedOf(['node-1', 'node-2', 'node-3', 'node-4', 'node-5']);
      expect(await setsOf(running)).toEqual(five);
      const grown = changesOf(running);
      expect(grown.added).toEqual(difference(three, five).sort());
      expect(grown.removed).toEqual(difference(five, three).sort());
      await load.more(300);

      await order(running, 'DELETE', 'node-1');
      await order(running, 'DELETE', 'node-2');
      await settled(running, ['node-3', 'node-4', 'node-5']);
      const left = wantedOf(['node-3', 'node-4', 'node-5']);
      expect(await setsOf(running)).toEqual(left);
      expect((await running.status('node-1')).shards).toEqual([]);
      expect(existsSync(running.file('node-1', 0))).toBe(false);
      await running.removeNode('node-1');
      await running.removeNode('node-2');
      await load.more(300);

      const history = await load.stop();
      expect(await reads.stop()).toEqual([]);
      expect(history.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
      expect(longestShardPauseMs(history, startedAt, shards)).toBeLessThan(10_000);
      await running.converged();
      expect(await verdict(running, history)).toEqual([]);
    },
    testMs,
  );

  it(
    'a node that is lost for good is replaced, while JetStream loses all it has',
    async () => {
      cluster = await TestCluster.start({ shards, nodes: 4 });
      const running = cluster;
      load = new Load(running, { perSecond: 150, ack: 'majority', name: 'replace' });
      await load.more(300);
      const before = await setsOf(running);
      await running.node('node-2').signal('SIGKILL');
      // The order may come first: the other node finds its place when it starts.
      await order(running, 'POST', 'node-2/replacement', { by: 'node-5' });
      await running.addNode('node-5');
      await running.until('a first shard to move', async () => changesOf(running).added.length > 0);
      await running.nats.signal('SIGKILL');
      rmSync(running.natsStore(), { recursive: true });
      running.nats.start();
      await settled(running, ['node-1', 'node-3', 'node-4', 'node-5']);
      const by = (set: string[]): string[] => set.map((node) => (node === 'node-2' ? 'node-5' : node)).sort();
      expect(await setsOf(running)).toEqual(before.map(by));
      await running.removeNode('node-2');
      await load.more(300);
      const history = await load.stop();
      await running.converged();
      expect(await verdict(running, history)).toEqual([]);
      // Back with its disk and in nobody's set: it joins anew, and what it had is not taken for the truth.
      await running.addNode('node-2');
      await settled(running, ['node-1', 'node-2', 'node-3', 'node-4', 'node-5']);
      await running.converged();
      expect(await verdict(running, history)).toEqual([]);
    },
    testMs,
  );

  it(
    'a node that dies while it takes a copy, and leaders that die between two steps',
    async () => {
      cluster = await TestCluster.start({ shards });
      const running = cluster;
      await fill(running);
      load = new Load(running, { perSecond: 100, ack: 'majority', name: 'die' });
      await load.more(200);
      const three = await setsOf(running);
      const joining = await running.addNode('node-4');
      const copies = Array.from(
        { length: shards },
        (_, shard) => `${running.file('node-4', shard)}.incoming`,
      );
      await running.until('a copy under way', async () => copies.some((file) => existsSync(file)));
      await joining.signal('SIGKILL');
      await load.more(100);
      joining.start();
      const four = wantedOf(['node-1', 'node-2', 'node-3', 'node-4']);
      // Where a node was added, the leader that did it dies before it can remove another one; twice.
      const killed: string[] = [];
      while (killed.length < 2) {
        const adding = (node: TestProcess): boolean =>
          !killed.includes(node.name) && node.output().includes('"why":"add node-4"');
        await running.until('a leader that adds the node', async () => running.nodes.some(adding));
        const leader = running.nodes.find(adding) as TestProcess;
        await leader.signal('SIGKILL');
        killed.push(leader.name);
        leader.start();
        await running.ready();
      }
      await settled(running, ['node-1', 'node-2', 'node-3', 'node-4']);
      expect(await setsOf(running)).toEqual(four);
      await load.more(200);
      const history = await load.stop();
      await running.converged();
      expect(changesOf(running).added).toEqual(expect.arrayContaining(difference(three, four)));
      expect(await verdict(running, history)).toEqual([]);
    },
    testMs,
  );
});
