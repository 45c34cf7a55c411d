/**
 * Members come and go under load: 3 → 5 → 3 nodes, a lost node replaced, and what may die on the way. Nothing
 * acknowledged is lost, only what must move does, and reads and writes go on.
 */
import { existsSync } from 'node:fs';
import { type MembersView, replicasOf } from '@driftless/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { violationsOf } from '../checkers/record.ts';
import { TestCluster } from '../harness/cluster.ts';
import { dumpOf, problemsOf } from '../harness/dump.ts';
import { Load, longestShardPauseMs } from '../harness/load.ts';
import { Reads } from '../harness/reads.ts';

const shards = 8;
const movedMs = 90_000;

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

/** Everything that is wrong after the load has ended. */
async function verdict(running: TestCluster, history: Awaited<ReturnType<Load['stop']>>): Promise<string[]> {
  const dumps = [];
  for (const { name } of running.nodes) {
    for (const { shard } of (await running.status(name)).shards) {
      dumps.push(await dumpOf(running, name, shard));
    }
  }
  const recording = { entries: history, dumps, shardCount: shards, ack: 'majority' as const };
  return [...(await problemsOf(running, history)), ...violationsOf(recording)];
}

describe('members come and go under load', () => {
  it('3 → 5 → 3 nodes, the founders that led among those that leave', async () => {
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
  });
});
