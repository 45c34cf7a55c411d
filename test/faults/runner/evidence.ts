/**
 * What nodes show of themselves, for the checkers: where replicas stand while the cluster runs (asked of each
 * node again and again), and at the end their epochs and logs (read from their files) and all their rows.
 */
import { Buffer } from 'node:buffer';
import type { HistoryEvent, HistoryWriter } from '@driftless/checkers';
import { formatDigest, formatPosition, hash128 } from '@driftless/contracts';
import Database from 'better-sqlite3';
import type { TestCluster } from '../../harness/cluster.ts';
import { type Dump, dumpOf } from '../../harness/dump.ts';

const lookEveryMs = 100;
const answerTimeoutMs = 2_000;
/** Dumps that were taken while replicas still moved (an orphan came back late) are taken again. */
const dumpAttemptsMax = 5;

/** Asks the nodes where their replicas stand, until it is stopped, and records what changes. */
export class Watcher {
  readonly #cluster: TestCluster;
  readonly #writer: HistoryWriter;
  readonly #replicaOf: (node: string) => string;
  readonly #seen = new Map<string, string>();
  readonly #ended: Promise<unknown>;
  #stopped = false;

  constructor(cluster: TestCluster, writer: HistoryWriter, replicaOf: (node: string) => string) {
    this.#cluster = cluster;
    this.#writer = writer;
    this.#replicaOf = replicaOf;
    this.#ended = Promise.all(cluster.nodes.map(({ name }) => this.#watch(name)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#ended;
  }

  async #watch(name: string): Promise<void> {
    while (!this.#stopped) {
      const replica = this.#replicaOf(name);
      const status = await this.#ask(name);
      // Data that was replaced meanwhile is another replica's.
      if (status && replica === this.#replicaOf(name)) {
        for (const { shard, applied, root } of status.shards) this.#note(replica, shard, applied, root);
      }
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  }

  async #ask(name: string) {
    const late = new Promise<undefined>((resolve) => setTimeout(resolve, answerTimeoutMs, undefined));
    return Promise.race([this.#cluster.status(name).catch(() => undefined), late]);
  }

  #note(node: string, shard: number, position: { epoch: number; seq: number }, root: string): void {
    if (position.epoch === 0) return;
    const [place, stand] = [`${node} ${shard}`, `${formatPosition(position)} ${root}`];
    if (this.#seen.get(place) === stand) return;
    this.#seen.set(place, stand);
    this.#writer.record({ type: 'applied', at: this.#writer.now(), node, shard, position, root });
  }
}

/** Asked later, what nodes have said since of drift that they found or repaired. */
export function driftTold({ nodes }: TestCluster): () => string[] {
  const before = new Map(nodes.map((node) => [node, node.output().length]));
  return () =>
    nodes.flatMap((node) => {
      const lines = node.output().slice(before.get(node)).split('\n');
      const told = lines.filter((line) => /a digest check failed|repaired rows/.test(line));
      return told.map((line) => `drift: ${node.name} says, and nothing was spoiled: ${line}`);
    });
}

/** Epochs of every replica, and its log after `since`, by shard. */
export function fileEvents(
  cluster: TestCluster,
  nodes: readonly string[],
  { at, since }: { at: number; since: readonly number[] },
): HistoryEvent[] {
  return nodes.flatMap((node) =>
    Array.from({ length: cluster.shardCount }, (_, shard) => {
      const database = new Database(cluster.file(node, shard), { readonly: true });
      try {
        return [
          ...epochsIn(database).map(({ epoch, first_seq: firstSeq, node: leader }) => {
            return { type: 'epoch' as const, at, node, shard, epoch, firstSeq, leader };
          }),
          ...logIn(database, since[shard] ?? 0).map(({ epoch, first_seq, last_seq, event }) => {
            const digest = formatDigest(hash128(event));
            const seqs = { firstSeq: first_seq, lastSeq: last_seq };
            return { type: 'log' as const, at, node, shard, epoch, ...seqs, digest };
          }),
        ];
      } finally {
        database.close();
      }
    }).flat(),
  );
}

interface EpochRow {
  epoch: number;
  first_seq: number;
  node: string;
}
interface LogRow {
  epoch: number;
  first_seq: number;
  last_seq: number;
  event: Buffer;
}

function epochsIn(database: Database.Database): EpochRow[] {
  return database.prepare('SELECT epoch, first_seq, node FROM epochs ORDER BY epoch').all() as EpochRow[];
}

function logIn(database: Database.Database, since: number): LogRow[] {
  const statement = database.prepare('SELECT * FROM log WHERE first_seq > ? ORDER BY first_seq');
  return statement.all(since) as LogRow[];
}

/** Every row of every replica, taken while nothing moved. */
export async function dumpsOf(cluster: TestCluster, convergedWithinMs: number): Promise<Dump[]> {
  for (let attempt = 1; ; attempt += 1) {
    const dumps: Dump[] = [];
    for (const { name } of cluster.nodes) {
      for (let shard = 0; shard < cluster.shardCount; shard += 1) {
        dumps.push(await dumpOf(cluster, name, shard));
      }
    }
    const places = new Set(dumps.map(({ head }) => `${head.shard} ${formatPosition(head.position)}`));
    if (places.size === cluster.shardCount || attempt === dumpAttemptsMax) return dumps;
    await cluster.converged(convergedWithinMs);
  }
}

/** A dump's rows of this run, as events. */
export function dumpEvents(
  { head, rows }: Dump,
  { at, prefix, replica }: { at: number; prefix: string; replica: string },
): HistoryEvent[] {
  const { shard, position, root } = head;
  const id = `${replica}/${shard}`;
  const own = [...rows.values()].filter(({ key }) => key.startsWith(prefix));
  return [
    { type: 'dump', id, at, node: replica, shard, final: true, position, root, rows: own.length },
    ...own.map(({ key, version, tombstone, value }): HistoryEvent => {
      const text = tombstone ? null : Buffer.from(value, 'base64').toString();
      return { type: 'row', dump: id, key, version, value: text };
    }),
  ];
}
