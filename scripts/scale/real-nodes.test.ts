/**
 * What the page computes for many nodes, held against real ones where there are few: whole nodes in virtual
 * time tell as much, and move as many copies and leaderships in about the same time.
 */
import { foundingMembers, wantedPlacement, withState } from '@driftless/contracts';
import { Cluster, World } from '@driftless/test/simulation';
import { expect, it } from 'vitest';
import { sizeOf, statusOf } from './messages.ts';
import { rebalance } from './rebalance.ts';
import { namesOf, placementOf, type Shape } from './shape.ts';
import { nodeDefaults, trafficOf } from './traffic.ts';

const shape: Shape = { nodes: 5, shards: 8, factor: 3, gateways: 0, antiEntropy: 1 };
const members = foundingMembers(namesOf(shape.nodes));
/** Virtual milliseconds: all is calm, from then on it is counted, and then a node is told to leave. */
const [calmAt, leavesAt, lookEveryMs] = [15_000, 20_000, 50];
const leaver = 'node-2';
const wanted = wantedPlacement(withState(members, leaver, 'leaving'), shape.shards, shape.factor);

interface Told {
  messages: number;
  bytes: number;
}

function clusterOf(world: World): Cluster {
  const { nodes, shards } = shape;
  const options = { nodes, shards, gateways: 0, antiEntropy: true, skewMs: [], config: {} };
  const ignored = () => undefined;
  const onFault = (process: string, error: unknown): never => {
    throw new Error(`${process} died.`, { cause: error });
  };
  return new Cluster(world, options, {
    onSynced: ignored,
    onCommitted: ignored,
    onOrphans: ignored,
    onFault,
  });
}

/** What is told on core NATS while all is calm, by kind. */
function listen(world: World, { nats }: Cluster): Map<string, Told> {
  const told = new Map<string, Told>();
  const tell = nats.tell.bind(nats);
  nats.tell = (subject, text) => {
    const kind = subject.split('.')[2] as string;
    const { messages, bytes } = told.get(kind) ?? { messages: 0, bytes: 0 };
    if (world.now >= calmAt && world.now < leavesAt) {
      told.set(kind, { messages: messages + 1, bytes: bytes + text.length });
    }
    tell(subject, text);
  };
  return told;
}

/** Whether each shard is where it should be, led by the node that should, and nothing is kept besides. */
function standingOf({ hosts }: Cluster): { placed: boolean; settled: boolean } {
  const replicas = hosts.flatMap(({ name, node }) => (node?.replicas ?? []).map((one) => ({ name, one })));
  const leaders = new Map(replicas.filter(({ one }) => one.leader).map((led) => [led.one.shard, led]));
  const placed = wanted.every((set, shard) => {
    const members = leaders.get(shard)?.one.context.members ?? [];
    return members.length === set.length && set.every((node) => members.includes(node));
  });
  const led = wanted.every(([leader], shard) => leaders.get(shard)?.name === leader);
  return { placed, settled: placed && led && replicas.length === shape.shards * shape.factor };
}

async function runReal() {
  const world = new World('scale');
  const cluster = clusterOf(world);
  const told = listen(world, cluster);
  const seen = { copies: 0, handOvers: 0, movedMs: 0, settledMs: 0 };
  world.onTrace = (line) => {
    if (line.includes('installed a snapshot')) seen.copies += 1;
    if (world.now > leavesAt && line.includes(' leading: ')) seen.handOvers += 1;
  };
  const look = (): void => {
    const { placed, settled } = standingOf(cluster);
    if (placed && seen.movedMs === 0) seen.movedMs = world.now - leavesAt;
    if (settled) seen.settledMs = world.now - leavesAt;
    else world.after(lookEveryMs, look);
  };
  cluster.start();
  world.at(leavesAt, () => {
    cluster.host('node-1').node?.orderMembers((list) => list.leave(leaver));
    look();
  });
  await world.run(() => seen.settledMs > 0 || world.now > leavesAt + 120_000);
  return { told, seen };
}

it('real nodes tell what is counted, and move as is computed', async () => {
  const { told, seen } = await runReal();

  const { news } = trafficOf(shape);
  const seconds = (leavesAt - calmAt) / 1000;
  const perSecond = (kind: string): number => (told.get(kind)?.messages ?? 0) / seconds;
  expect(perSecond('status')).toBeCloseTo(news.statuses.sent, 0);
  expect(perSecond('applied')).toBeCloseTo(news.applied.sent, 0);
  expect(perSecond('head') / news.heads.sent).toBeCloseTo(1, 1);
  const { messages, bytes } = told.get('status') as Told;
  const statuses = namesOf(shape.nodes).map((node) => sizeOf(statusOf(node, placementOf(shape), members)));
  const computed = statuses.reduce((sum, size) => sum + size, 0) / shape.nodes;
  // The simulation's numbers are small and its names short, so its statuses are as well.
  expect(bytes / messages).toBeLessThan(computed);
  expect(bytes / messages).toBeGreaterThan(0.75 * computed);

  const model = rebalance({ before: placementOf(shape), after: wanted, limits: nodeDefaults, copyMs: 1 });
  expect(seen.copies).toBe(model.copies);
  expect(seen.handOvers).toBe(model.handOvers);
  const turns = (ms: number): number => ms / nodeDefaults.statusEveryMs;
  expect(Math.abs(turns(seen.movedMs - model.movedMs))).toBeLessThanOrEqual(3);
  expect(Math.abs(turns(seen.settledMs - model.settledMs))).toBeLessThanOrEqual(3);
});
