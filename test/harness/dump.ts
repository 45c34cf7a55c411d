/** Full contents of replicas, read from the nodes themselves, and what a history demands of them. */
import { Buffer } from 'node:buffer';
import {
  type DumpHead,
  type DumpRow,
  dumpHeadSchema,
  dumpRowSchema,
  entryDigest,
  formatDigest,
  shardOf,
  xorInto,
  zeroDigest,
} from '@driftless/contracts';
import type { TestCluster } from './cluster.ts';
import type { HistoryEntry } from './load.ts';

export interface Dump {
  head: DumpHead;
  rows: Map<string, DumpRow>;
  /** Root recomputed from the rows' contents. */
  root: string;
}

export async function dumpOf(cluster: TestCluster, node: string, shard: number): Promise<Dump> {
  const answer = await fetch(`${cluster.nodeUrl(node)}/node/v1/shards/${shard}/dump`);
  const [first, ...lines] = (await answer.text()).trimEnd().split('\n');
  const head = dumpHeadSchema.parse(JSON.parse(first ?? ''));
  const rows = new Map<string, DumpRow>();
  const root = zeroDigest();
  for (const line of lines) {
    const row = dumpRowSchema.parse(JSON.parse(line));
    rows.set(row.key, row);
    const { key, version, tombstone, type: contentType, expiresAt } = row;
    const value = Buffer.from(row.value, 'base64');
    xorInto(root, entryDigest({ key, ...version, tombstone, value, contentType, expiresAt }));
  }
  return { head, rows, root: formatDigest(root) };
}

/** Everything that is wrong with the replicas of a converged cluster: empty when nothing is. */
export async function problemsOf(cluster: TestCluster, history: readonly HistoryEntry[]): Promise<string[]> {
  const problems: string[] = [];
  for (const { name } of cluster.nodes) {
    const rows = new Map<string, DumpRow>();
    const shards = (await cluster.status(name)).shards.map(({ shard }) => shard);
    for (const shard of shards) {
      const dump = await dumpOf(cluster, name, shard);
      if (dump.root !== dump.head.root)
        problems.push(`${name}: the rows of shard ${shard} don't have its root`);
      for (const [key, row] of dump.rows) rows.set(key, row);
    }
    const held = history.filter(({ key }) => shards.includes(shardOf(key, cluster.shardCount)));
    problems.push(...missing(held, rows).map((problem) => `${name}: ${problem}`));
  }
  return problems;
}

/**
 * Each key must hold its last acknowledged write or one that was begun after it and whose outcome nobody
 * knows; and no key may hold a value that was never written.
 */
function missing(history: readonly HistoryEntry[], rows: ReadonlyMap<string, DumpRow>): string[] {
  const problems: string[] = [];
  for (const [key, writes] of Map.groupBy(history, (entry) => entry.key)) {
    const acknowledged = writes.filter(({ outcome }) => outcome === 'ok').map(({ number }) => number);
    const last = Math.max(-1, ...acknowledged);
    const row = rows.get(key);
    if (!row) {
      if (last >= 0) problems.push(`acknowledged ${key} = ${last} is lost`);
      continue;
    }
    const { number } = JSON.parse(Buffer.from(row.value, 'base64').toString()) as { number: number };
    if (number < last) problems.push(`${key} holds ${number}, but ${last} was acknowledged`);
    const write = writes.find((entry) => entry.number === number);
    if (!write) problems.push(`${key} holds ${number}, which nobody wrote`);
    else if (write.outcome === 'fail')
      problems.push(`${key} holds ${number}, which was refused (${write.status})`);
  }
  return problems;
}
