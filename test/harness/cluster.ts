/**
 * A real cluster for tests: nats-server, store nodes, gateway and anti-entropy as separate processes on free
 * ports, with their data in a directory of their own. Nothing restarts by itself here: a test decides what
 * dies and what comes back.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  type ClusterView,
  type NodeStatus,
  nodeStatusSchema,
  type ReplicaStatus,
  shardOf,
} from '@driftless/contracts';
import { freePortRange, waitUntil } from '@driftless/runtime';
import { SmallDisk } from './disk.ts';
import { Link } from './link.ts';
import { natsPlans, natsStore } from './nats.ts';
import { type Part, type ProcessPlan, TestProcess, tail } from './process.ts';

const root = resolve(import.meta.dirname, '../..');
const readyTimeoutMs = 60_000;
const pollMs = 50;

export interface ClusterOptions {
  nodes?: number;
  shards?: number;
  /** nats-servers; several form a NATS cluster, with as many copies of each stream. */
  natsServers?: number;
  /** More lines of their `jetstream` block. */
  natsConfig?: string;
  /** What runs them; processes by default. */
  natsPart?: (plan: ProcessPlan, directory: string) => Part;
  /** Further configuration of the nodes: `DRIFTLESS_…` → text. */
  nodeEnv?: Env | ((member: string, directory: string) => Env);
  gatewayEnv?: Env;
  /** Whether an anti-entropy process runs (default: yes); configuration of it. */
  antiEntropy?: boolean | Env;
  /** Every node and gateway reaches NATS (a single server) and the nodes by a `Link` that can be made bad. */
  links?: boolean;
  /** Small disks: path within the directory → bytes. */
  disks?: Record<string, number>;
}

type Env = Record<string, string>;

export class TestCluster {
  readonly directory: string;
  readonly shardCount: number;
  /** For tests themselves: around all links. */
  readonly natsUrl: string;
  readonly gatewayUrl: string;
  readonly natsServers: readonly Part[];
  readonly gateway: TestProcess;
  /** Absent when the cluster was started without. */
  readonly antiEntropy: TestProcess | undefined;
  readonly #nodes: TestProcess[];
  readonly #gone: TestProcess[] = [];
  readonly #ports: Map<string, number>;
  readonly #makeNode: (member: string) => TestProcess;
  readonly #makeGateway: (name: string, env?: Env) => TestProcess;
  readonly #makeHealer: (name: string, env: Env) => TestProcess;
  readonly #gateways: TestProcess[] = [];
  readonly #healers: TestProcess[] = [];
  readonly #links = new Map<string, Link>();
  readonly #disks = new Map<string, SmallDisk>();

  private constructor(directory: string, options: Required<ClusterOptions>, ports: Map<string, number>) {
    this.directory = directory;
    this.shardCount = options.shards;
    this.#ports = ports;
    const { nats, members } = namesOf(options);
    const port = (name: string): number => Number(ports.get(name));
    const natsUrl = (names: readonly string[]) =>
      names.map((name) => `nats://127.0.0.1:${port(name)}`).join();
    this.natsUrl = natsUrl(nats);
    this.gatewayUrl = `http://127.0.0.1:${port('gateway-1')}`;
    const natsPorts = nats.map((name) => ({ client: port(name), route: port(`${name} route`) }));
    const plans = natsPlans(directory, natsPorts, options.natsConfig);
    this.natsServers = plans.map((plan) => options.natsPart(plan, directory));
    const make = (name: string, room: string, env: Env): TestProcess => {
      const common = {
        DRIFTLESS_NATS_URL: options.links ? natsUrl([linkName(name, 'nats')]) : this.natsUrl,
        DRIFTLESS_SHARDS: String(options.shards),
        DRIFTLESS_MEMBERS: members.join(),
        DRIFTLESS_DATA_DIR: directory,
        DRIFTLESS_RUN_DIR: join(directory, 'run'),
        DRIFTLESS_PORT: String(port(name)),
        // Tests count positions: a canary is for those that ask for one.
        DRIFTLESS_CANARY_EVERY_MS: '0',
      };
      const args = [join(root, 'packages', room, 'src/main.ts')];
      return new TestProcess(
        { name, command: process.execPath, args, env: { ...common, ...env } },
        directory,
      );
    };
    const envOf = (member: string): Env => ({
      DRIFTLESS_NODE_ID: member,
      DRIFTLESS_STREAM_REPLICAS: String(nats.length),
      ...(options.links && {
        DRIFTLESS_ADVERTISE_URL: `http://127.0.0.1:${port(linkName('all', member))}`,
      }),
      ...(typeof options.nodeEnv === 'function' ? options.nodeEnv(member, directory) : options.nodeEnv),
    });
    this.#makeNode = (member) => make(member, 'store-node', envOf(member));
    this.#nodes = members.map(this.#makeNode);
    this.#makeGateway = (name, env) =>
      make(name, 'gateway', { DRIFTLESS_INSTANCE: name, ...options.gatewayEnv, ...env });
    this.gateway = this.#makeGateway('gateway-1');
    this.#makeHealer = (name, env) =>
      make(name, 'anti-entropy', {
        DRIFTLESS_INSTANCE: name,
        DRIFTLESS_STREAM_REPLICAS: String(nats.length),
        ...env,
      });
    const { antiEntropy } = options;
    const healerEnv = typeof antiEntropy === 'object' ? antiEntropy : {};
    this.antiEntropy = antiEntropy ? this.#makeHealer(healerName, healerEnv) : undefined;
  }

  /** Ready to serve when it resolves: every shard has a leader, and the gateway knows it. */
  static async start(options: ClusterOptions = {}): Promise<TestCluster> {
    const full = { ...clusterDefaults, ...options };
    const directory = mkdtempSync(join(tmpdir(), 'driftless-test-'));
    mkdirSync(join(directory, 'run'));
    const { ports: names } = namesOf(full);
    const base = await freePortRange(names.length);
    const ports = new Map(names.map((name, index) => [name, base + index]));
    const cluster = new TestCluster(directory, full, ports);
    for (const [path, bytes] of Object.entries(full.disks)) {
      cluster.#disks.set(path, SmallDisk.mount(join(directory, path), bytes));
    }
    await cluster.#openLinks();
    for (const part of cluster.processes) part.start();
    try {
      await cluster.ready();
    } catch (error) {
      const logs = cluster.processes.map((part) => tail(part)).join('\n');
      await cluster.stop();
      throw new Error(`The cluster did not become ready.\n${logs}`, { cause: error });
    }
    return cluster;
  }

  async #openLinks(): Promise<void> {
    for (const [name, port] of this.#ports) {
      const target = linkTarget(name);
      if (target !== undefined) this.#links.set(name, await Link.open(port, Number(this.#ports.get(target))));
    }
  }

  /** Every process: NATS first, what clients and operators talk to last. */
  get processes(): Part[] {
    const healers = this.antiEntropy ? [this.antiEntropy, ...this.#healers] : this.#healers;
    return [...this.natsServers, ...this.nodes, this.gateway, ...this.#gateways, ...healers];
  }

  /** The nats-server of a cluster that has one. */
  get nats(): Part {
    return this.natsServers[0] as Part;
  }

  /** Of those that it began with: others may come and go. */
  get gatewayUrls(): string[] {
    return [this.gatewayUrl];
  }

  /** Where a nats-server keeps its streams. */
  natsStore(name = this.nats.name): string {
    return natsStore(this.directory, name);
  }

  /** Where the other servers of its cluster reach a nats-server. */
  routePort(name: string): number {
    return Number(this.#ports.get(`${name} route`));
  }

  /** The link of a process to NATS (`'node-1', 'nats'`), or of everybody to a node (`'all', 'node-1'`). */
  link(from: string, to: string): Link {
    const link = this.#links.get(linkName(from, to));
    if (!link) throw new Error(`there is no link from ${from} to ${to}`);
    return link;
  }

  disk(path: string): SmallDisk {
    const disk = this.#disks.get(path);
    if (!disk) throw new Error(`there is no small disk at ${path}`);
    return disk;
  }

  /** The store nodes that were started. */
  get nodes(): readonly TestProcess[] {
    return this.#nodes;
  }

  /** Starts a further node, which joins the cluster. */
  addNode(name: string): Promise<TestProcess> {
    return this.#add(name, this.#nodes, this.#makeNode);
  }

  /** Starts a further gateway, which is ready to serve when it resolves. */
  async addGateway(name: string, env: Env = {}): Promise<{ process: TestProcess; url: string }> {
    const process = await this.#add(name, this.#gateways, () => this.#makeGateway(name, env));
    const url = `http://127.0.0.1:${this.#ports.get(name)}`;
    await this.until(`${name} to be ready`, async () => (await fetch(`${url}/readyz`)).ok);
    return { process, url };
  }

  /** Starts a further anti-entropy process. */
  addHealer(name: string, env: Env = {}): Promise<TestProcess> {
    return this.#add(name, this.#healers, () => this.#makeHealer(name, env));
  }

  async #add(name: string, to: TestProcess[], make: (name: string) => TestProcess): Promise<TestProcess> {
    this.#ports.set(name, await freePortRange(1));
    const added = make(name);
    to.push(added);
    added.start();
    return added;
  }

  /** A node that has left is stopped and forgotten. */
  async removeNode(name: string): Promise<void> {
    const node = this.node(name);
    await node.end();
    this.#nodes.splice(this.#nodes.indexOf(node), 1);
    this.#gone.push(node);
  }

  /** What each node has logged, those that left among them. */
  outputs(): string[] {
    return [...this.#nodes, ...this.#gone].map((node) => node.output());
  }

  node(name: string): TestProcess {
    const found = this.nodes.find((node) => node.name === name);
    if (!found) throw new Error(`no node ${name}`);
    return found;
  }

  nodeUrl(name: string): string {
    return `http://127.0.0.1:${this.#ports.get(name)}`;
  }

  /** Of the HTTP of an anti-entropy process. */
  healerUrl(name = healerName): string {
    return `http://127.0.0.1:${this.#ports.get(name)}`;
  }

  shardOf(key: string): number {
    return shardOf(key, this.shardCount);
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
    await Promise.all(this.processes.map((part) => part.end()));
    await Promise.all([...this.#links.values()].map((link) => link.close()));
    for (const disk of this.#disks.values()) disk.unmount();
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

const clusterDefaults: Required<ClusterOptions> = {
  nodes: 3,
  shards: 4,
  natsServers: 1,
  natsConfig: '',
  natsPart: (plan, directory) => new TestProcess(plan, directory),
  nodeEnv: {},
  gatewayEnv: {},
  antiEntropy: true,
  links: false,
  disks: {},
};

const healerName = 'anti-entropy-1';

/** Who is in the cluster, and what needs a port. */
function namesOf({ nodes, natsServers, links }: Required<ClusterOptions>) {
  const numbered = (name: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${name}-${index + 1}`);
  const members = numbered('node', nodes);
  const nats = natsServers === 1 ? ['nats'] : numbered('nats', natsServers);
  const routes = nats.map((name) => `${name} route`);
  const linked = links
    ? [
        ...['gateway-1', healerName, ...members].map((name) => linkName(name, 'nats')),
        ...members.map((name) => linkName('all', name)),
      ]
    : [];
  return { members, nats, ports: [...nats, ...routes, 'gateway-1', healerName, ...members, ...linked] };
}

const arrow = ' > ';

function linkName(from: string, to: string): string {
  return `${from}${arrow}${to}`;
}

function linkTarget(name: string): string | undefined {
  return name.split(arrow)[1];
}
