/**
 * A real cluster for tests: nats-server, store nodes and gateway as separate processes on free ports, with
 * their data in a directory of their own. Nothing restarts by itself here: a test decides what dies and what
 * comes back.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  type ClusterView,
  type NodeStatus,
  nodeStatusSchema,
  type ReplicaStatus,
} from '@driftless/contracts';
import { freePortRange, waitUntil } from '@driftless/runtime';
import { TestProcess } from './process.ts';

const root = resolve(import.meta.dirname, '../..');
const readyTimeoutMs = 60_000;
const pollMs = 50;

export interface ClusterOptions {
  nodes?: number;
  shards?: number;
  /** Further configuration of the nodes: `DRIFTLESS_…` → text. */
  nodeEnv?: Record<string, string>;
  gatewayEnv?: Record<string, string>;
}

export class TestCluster {
  readonly directory: string;
  readonly shardCount: number;
  readonly natsUrl: string;
  readonly gatewayUrl: string;
  readonly nats: TestProcess;
  readonly gateway: TestProcess;
  readonly nodes: readonly TestProcess[];
  readonly #ports: ReadonlyMap<string, number>;

  private constructor(
    directory: string,
    options: Required<ClusterOptions>,
    ports: ReadonlyMap<string, number>,
  ) {
    this.directory = directory;
    this.shardCount = options.shards;
    this.#ports = ports;
    this.natsUrl = `nats://127.0.0.1:${ports.get('nats')}`;
    this.gatewayUrl = `http://127.0.0.1:${ports.get('gateway-1')}`;
    const members = Array.from({ length: options.nodes }, (_, index) => `node-${index + 1}`);
    const common = {
      DRIFTLESS_NATS_URL: this.natsUrl,
      DRIFTLESS_SHARDS: String(options.shards),
      DRIFTLESS_MEMBERS: members.join(),
      DRIFTLESS_DATA_DIR: directory,
      DRIFTLESS_RUN_DIR: join(directory, 'run'),
    };
    const main = (room: string): string => join(root, 'packages', room, 'src/main.ts');
    const make = (name: string, room: string, env: Record<string, string>): TestProcess =>
      new TestProcess(
        {
          name,
          command: process.execPath,
          args: [main(room)],
          env: { ...common, ...env, DRIFTLESS_PORT: String(ports.get(name)) },
        },
        directory,
      );
    this.nats = new TestProcess(natsPlan(directory, Number(ports.get('nats'))), directory);
    this.nodes = members.map((member) =>
      make(member, 'store-node', { DRIFTLESS_NODE_ID: member, ...options.nodeEnv }),
    );
    this.gateway = make('gateway-1', 'gateway', { DRIFTLESS_INSTANCE: 'gateway-1', ...options.gatewayEnv });
  }

  /** Ready to serve when it resolves: every shard has a leader, and the gateway knows it. */
  static async start(options: ClusterOptions = {}): Promise<TestCluster> {
    const full = { nodes: 3, shards: 4, nodeEnv: {}, gatewayEnv: {}, ...options };
    const directory = mkdtempSync(join(tmpdir(), 'driftless-test-'));
    mkdirSync(join(directory, 'run'));
    const ports = new Map<string, number>();
    const names = [
      'nats',
      'gateway-1',
      ...Array.from({ length: full.nodes }, (_, index) => `node-${index + 1}`),
    ];
    const base = await freePortRange(names.length);
    names.forEach((name, index) => {
      ports.set(name, base + index);
    });
    const cluster = new TestCluster(directory, full, ports);
    for (const part of [cluster.nats, ...cluster.nodes, cluster.gateway]) part.start();
    try {
      await cluster.ready();
    } catch (error) {
      const logs = [cluster.nats, ...cluster.nodes, cluster.gateway].map((part) => tail(part)).join('\n');
      await cluster.stop();
      throw new Error(`The cluster did not become ready.\n${logs}`, { cause: error });
    }
    return cluster;
  }

  node(name: string): TestProcess {
    const found = this.nodes.find((node) => node.name === name);
    if (!found) throw new Error(`no node ${name}`);
    return found;
  }

  nodeUrl(name: string): string {
    return `http://127.0.0.1:${this.#ports.get(name)}`;
  }

  /** Path of a replica's SQLite file. */
  file(node: string, shard: number): string {
    return join(this.directory, 'nodes', node, `shard-${shard}.db`);
  }

  async ready(timeoutMs = readyTimeoutMs): Promise<void> {
    await this.until(
      'every shard to have a leader',
      async () => {
        const ready = await fetch(`${this.gatewayUrl}/readyz`);
        const view = await this.view();
        return ready.ok && view.shards.length === this.shardCount && view.shards.every(hasLeader);
      },
      timeoutMs,
    );
  }

  async view(): Promise<ClusterView> {
    const answer = await fetch(`${this.gatewayUrl}/v1/cluster`);
    return (await answer.json()) as ClusterView;
  }

  async status(node: string): Promise<NodeStatus> {
    const answer = await fetch(`${this.nodeUrl(node)}/node/v1/status`);
    return nodeStatusSchema.parse(await answer.json());
  }

  async replica(node: string, shard: number): Promise<ReplicaStatus> {
    const status = await this.status(node);
    const found = status.shards.find((replica) => replica.shard === shard);
    if (!found) throw new Error(`${node} has no replica of shard ${shard}`);
    return found;
  }

  /** Name of the node that leads a shard, by the nodes' own word. */
  async leaderOf(shard: number): Promise<string> {
    let leader: string | undefined;
    await this.until(`a leader of shard ${shard}`, async () => {
      for (const { name, isRunning } of this.nodes) {
        if (!isRunning) continue;
        const status = await this.replica(name, shard);
        if (status.role === 'leading') leader = name;
      }
      return leader !== undefined;
    });
    return leader as string;
  }

  /** Resolves when all replicas of all shards stand at one position with one root, and are healthy. */
  async converged(timeoutMs = 30_000): Promise<void> {
    let seen = '';
    await this.until(
      () => `equal roots on all replicas; last seen:\n${seen}`,
      async () => {
        const statuses = await Promise.all(this.nodes.map(({ name }) => this.status(name)));
        const replicas = statuses.flatMap(({ node, shards }) =>
          shards.map((replica) => ({ node, ...replica })),
        );
        seen = replicas.map(describeReplica).join('\n');
        const groups = Map.groupBy(replicas, ({ shard }) => shard);
        return [...groups.values()].every((group) => {
          const places = group.map(({ applied, root }) => `${applied.epoch}-${applied.seq} ${root}`);
          const healthy = group.every(({ health }) => health === 'healthy');
          return healthy && new Set(places).size === 1 && group.some(({ role }) => role === 'leading');
        });
      },
      timeoutMs,
    );
  }

  /** Polls until `condition` is true; one that throws is not true yet. */
  async until(
    what: string | (() => string),
    condition: () => Promise<boolean>,
    timeoutMs = readyTimeoutMs,
  ): Promise<void> {
    try {
      await waitUntil(() => condition().catch(() => false), { timeoutMs, intervalMs: pollMs, what: 'it' });
    } catch (cause) {
      const text = typeof what === 'string' ? what : what();
      throw new Error(`Waited ${timeoutMs} ms in vain for ${text}`, { cause });
    }
  }

  async stop(): Promise<void> {
    await Promise.all([this.gateway, ...this.nodes, this.nats].map((part) => part.end()));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function hasLeader(shard: ClusterView['shards'][number]): boolean {
  const leading = shard.replicas.find(({ role }) => role === 'leading');
  return leading !== undefined && leading.node === shard.leader;
}

function describeReplica(replica: ReplicaStatus & { node: string }): string {
  const { node, shard, role, health, applied, root, reason } = replica;
  return `shard ${shard} ${node} ${role} ${health} ${applied.epoch}-${applied.seq} ${root} ${reason ?? ''}`;
}

function tail(part: TestProcess): string {
  const lines = part.output().split('\n');
  return `--- ${part.name}\n${lines.slice(-15).join('\n')}`;
}

function natsPlan(directory: string, port: number) {
  const file = join(directory, 'nats.conf');
  const store = join(directory, 'jetstream');
  writeFileSync(
    file,
    `listen: 127.0.0.1:${port}\nserver_name: test\njetstream { store_dir: ${JSON.stringify(store)} }\n`,
  );
  return { name: 'nats', command: natsServerBinary(), args: ['-c', file], env: {} };
}

let binary: string | undefined;
/** Found or installed the way users get it. */
export function natsServerBinary(): string {
  const cli = join(root, 'packages/cli/src/main.ts');
  binary ??= execFileSync(process.execPath, [cli, 'nats-server'], { encoding: 'utf8' }).trim();
  return binary;
}
