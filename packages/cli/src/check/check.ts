/**
 * Does the whole cluster do what it is for? A key into each shard, by a gateway; the same key out of every
 * replica, by the node that holds it; no replica further behind than allowed; equal roots. What is not so yet
 * may become so until the time is over: a cluster that others write to is never at one position for long.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DriftlessClient } from '@driftless/client';
import { type ClusterView, comparePositions, type ShardView, shardOf } from '@driftless/contracts';
import { readAt } from '../data/read-at.ts';
import { failureOf } from '../output/failure.ts';

const pollMs = 250;

export interface CheckOptions {
  readonly lagMsMax: number;
  readonly timeoutMs: number;
}

export interface ShardCheck {
  readonly shard: number;
  readonly replicas: number;
  /** What is not as it should be: sentences for people. */
  readonly problems: readonly string[];
}

type Client = Pick<DriftlessClient, 'cluster' | 'put' | 'delete'>;

export async function checkCluster(
  client: Client,
  { lagMsMax, timeoutMs }: CheckOptions,
): Promise<ShardCheck[]> {
  const deadline = performance.now() + timeoutMs;
  const { shardCount } = await client.cluster();
  const checks: ShardCheck[] = [];
  for (const [shard, key] of keysOf(shardCount).entries()) {
    const problems = await settled(deadline, async () => [
      ...(await problemsOfKey(client, shard, key)),
      ...problemsOfShard(await client.cluster(), shard, lagMsMax),
    ]);
    checks.push({ shard, replicas: shardIn(await client.cluster(), shard).members.length, problems });
    await client.delete(key).catch(() => undefined);
  }
  return checks;
}

/** A key for each shard, never used before. */
function keysOf(shardCount: number): string[] {
  const run = randomUUID();
  const keys = new Map<number, string>();
  for (let i = 0; keys.size < shardCount; i += 1) {
    const key = `check/${run}/${i}`;
    const shard = shardOf(key, shardCount);
    if (!keys.has(shard)) keys.set(shard, key);
  }
  return Array.from({ length: shardCount }, (_, shard) => keys.get(shard) as string);
}

/** Until there is no problem, or no time. */
async function settled(deadline: number, look: () => Promise<string[]>): Promise<string[]> {
  for (;;) {
    const problems = await look().catch((error: unknown) => [messageOf(error)]);
    if (problems.length === 0 || performance.now() >= deadline) return problems;
    await sleep(pollMs);
  }
}

/** Written for all replicas to have it, then asked of each. */
async function problemsOfKey(client: Client, shard: number, key: string): Promise<string[]> {
  const value = `"${key}"`;
  const { version } = await client.put(key, value, { ack: 'all', contentType: 'application/json' });
  const { members } = shardIn(await client.cluster(), shard);
  const found = await Promise.all(
    members.map(async (node) => {
      const read = await readAt(client, node, key, {}).catch(messageOf);
      if (typeof read === 'string') return [`${node}: ${read}`];
      const isSame = Buffer.from(read.value).toString('utf8') === value && read.version === version;
      return isSame ? [] : [`${node} has ${key} at ${read.version}, and not what was written at ${version}`];
    }),
  );
  return found.flat();
}

/** By what the replicas say of themselves. */
export function problemsOfShard(view: ClusterView, shard: number, lagMsMax: number): string[] {
  const { members, replicas, leader } = shardIn(view, shard);
  const problems = leader === undefined ? ['nobody leads'] : [];
  const known = members.map((node) => replicas.find((replica) => replica.node === node));
  for (const [i, replica] of known.entries()) {
    if (replica === undefined || !replica.alive) problems.push(`${members[i]} says nothing`);
    else if (replica.health !== 'healthy') problems.push(`${replica.node} is ${replica.health}`);
    else if (replica.lagMs === undefined) problems.push(`${replica.node} does not know how far behind it is`);
    else if (replica.lagMs > lagMsMax) problems.push(`${replica.node} is ${replica.lagMs} ms behind`);
  }
  return problems.length > 0 ? problems : differences(known.filter((replica) => replica !== undefined));
}

function differences(replicas: ShardView['replicas']): string[] {
  const [first, ...others] = replicas;
  if (first === undefined) return ['it has no replica'];
  return others.flatMap(({ node, applied, root }) => {
    if (comparePositions(applied, first.applied) !== 0) return [`${node} is not where ${first.node} is`];
    return root === first.root ? [] : [`${node} has another root than ${first.node}`];
  });
}

function messageOf(error: unknown): string {
  return failureOf(error).message;
}

function shardIn(view: ClusterView, shard: number): ShardView {
  const found = view.shards.find((candidate) => candidate.shard === shard);
  if (found === undefined) throw new Error(`the gateway does not know shard ${shard}`);
  return found;
}
