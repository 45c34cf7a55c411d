/**
 * The cluster of a simulation: nodes on disks that outlive them, gateways, NATS, and the network in between.
 * Nodes are `StoreNode` and gateways `Store`, as they are; what surrounds them is the simulation's.
 */
import { Buffer } from 'node:buffer';
import { DriftlessError, formatDigest, type InjectHeader, type Position } from '@driftless/contracts';
import {
  type GatewayConfig,
  gatewayConfigSchema,
  RoutingTable,
  Sessions,
  Store,
} from '@driftless/gateway/simulation';
import type { Logger } from '@driftless/runtime';
import {
  type Change,
  inject,
  MemoryMemberFile,
  type NodeConfig,
  type NodePorts,
  nodeConfigSchema,
  type ShardStore,
  StoreNode,
} from '@driftless/store-node/simulation';
import { damageOf } from './damage.ts';
import { Disk, DiskStore, SimFiles } from './disk.ts';
import { Healing } from './healer.ts';
import { countingInstruments, silentTelemetry } from './instruments.ts';
import { type Link, SimNats } from './nats.ts';
import { Network, type Server, simHop, simPeers } from './network.ts';
import { Crashed, Process, type World } from './world.ts';

const cluster = 'simulated';
const routingTickMs = 250;

export interface ClusterOptions {
  nodes: number;
  shards: number;
  gateways: number;
  /** Anti-entropy runs. */
  antiEntropy: boolean;
  /** Wrong wall clocks, milliseconds, by node. */
  skewMs: readonly number[];
  config: Partial<NodeConfig>;
}

/** What the cluster tells whoever records. */
export interface ClusterNews {
  /** A replica has this on disk, from now on. */
  onSynced(node: string, shard: number, store: ShardStore): void;
  /** A replica has committed this. */
  onCommitted(node: string, shard: number, store: ShardStore, change: Change): void;
  /** A deposed leader has set these operations aside. */
  onOrphans(shard: number, versions: readonly Position[]): void;
  /** A process died by an error of its own. */
  onFault(process: string, error: unknown): void;
}

interface NodeHost extends Server {
  readonly name: string;
  readonly disks: Map<number, Disk>;
  readonly files: Map<number, SimFiles>;
  /** The list of members on its disk. */
  memberFile: MemoryMemberFile;
  /** A sync takes this long, milliseconds. */
  syncMs: number;
  skewMs: number;
  lives: number;
  /** How many disks it has had; one that was set back is another one. */
  diskLives: number;
}

/** What can be killed and begun anew: a node, or anti-entropy. */
export interface Program {
  /** Of the life that it has now, or had last. */
  readonly process: Process;
  start(): void;
  /** As it ends when it is told to. */
  stop(then: () => void): void;
}

export interface Gateway {
  process: Process;
  store: Store;
  sessions: Sessions;
}

export class Cluster {
  readonly world: World;
  readonly nats: SimNats;
  readonly network: Network;
  readonly hosts: NodeHost[];
  readonly healing: Healing;
  readonly gateways: Gateway[] = [];
  readonly counts = new Map<string, number>();
  readonly #options: ClusterOptions;
  readonly #news: ClusterNews;

  constructor(world: World, options: ClusterOptions, news: ClusterNews) {
    this.world = world;
    this.#options = options;
    this.#news = news;
    this.nats = new SimNats(world, this.#configOf('node-1').ackPendingMax);
    const names = memberNames(options.nodes);
    const newHost = (name: string, i: number): NodeHost => ({
      name,
      disks: new Map(),
      memberFile: new MemoryMemberFile(),
      files: new Map(),
      syncMs: 0,
      skewMs: options.skewMs[i] ?? 0,
      lives: 0,
      diskLives: 1,
      process: new Process(world, name),
      node: undefined,
    });
    this.hosts = names.map(newHost);
    for (const { process } of this.hosts) process.isAlive = false;
    this.network = new Network(world, (node) => this.hosts.find(({ name }) => name === node));
    this.healing = new Healing({
      world,
      nats: this.nats,
      network: this.network,
      cluster,
      shards: options.shards,
      loggerOf: (process) => this.#loggerOf(process),
      count: (name, by) => this.count(name, by),
    });
    world.onFault = (process, error) => this.#faulted(process, error);
  }

  get shards(): number {
    return this.#options.shards;
  }

  start(): void {
    for (const { name } of this.hosts) this.startNode(name);
    for (let i = 1; i <= this.#options.gateways; i += 1) this.#startGateway(`gateway-${i}`);
    if (this.#options.antiEntropy) this.healing.start();
  }

  host(name: string): NodeHost {
    const host = this.hosts.find((one) => one.name === name);
    if (!host) throw new Error(`There is no ${name}.`);
    return host;
  }

  /** By name. */
  program(name: string): Program {
    if (name === this.healing.name) return this.healing;
    const host = this.host(name);
    return {
      get process() {
        return host.process;
      },
      start: () => this.startNode(name),
      stop: (then) => this.stopNode(name, then),
    };
  }

  /** A process of the node begins, on the disk as it is. */
  startNode(name: string): void {
    const host = this.host(name);
    if (host.process.isAlive) return;
    host.lives += 1;
    const process = new Process(this.world, name, host.skewMs);
    host.process = process;
    host.node = undefined;
    const link = this.nats.connect(process);
    process.onDeath = () => {
      link.close();
      this.network.died(process);
      host.node = undefined;
    };
    const parts = {
      config: this.#configOf(name),
      incarnation: `${name} life ${host.lives}`,
      startedAt: new Date(process.clock.wall()).toISOString(),
      url: `http://${name}`,
      ports: this.#portsOf(host, link),
    };
    this.world.note(`${name} starts`);
    this.world.after(
      1,
      () => {
        StoreNode.start(parts).then(
          (node) => {
            if (process.isAlive) host.node = node;
          },
          (error) => this.world.onFault(process, error),
        );
      },
      process,
    );
  }

  /** SIGTERM: hands its leaderships over, and ends. */
  stopNode(name: string, then: () => void): void {
    const { node, process } = this.host(name);
    if (!node || !process.isAlive) {
      then();
      return;
    }
    this.world.note(`${name} drains`);
    const end = (): void => {
      if (process.isAlive) void node.stop().catch((error) => this.world.onFault(process, error));
      process.die();
      then();
    };
    node.drain().then(end, (error) => this.world.onFault(process, error));
  }

  /** The power of a dead node failed: a share of what it had not synced is there. */
  losePower(name: string, share: number): void {
    for (const disk of this.host(name).disks.values()) disk.fail(share);
  }

  /** A dead node comes back without what it had. */
  loseDisk(name: string): void {
    const host = this.host(name);
    for (const disk of host.disks.values()) disk.wipe();
    host.memberFile = new MemoryMemberFile();
    host.diskLives += 1;
  }

  /** Copies a node's files; what it returns puts the copies in their place, while the node is down. */
  copyFiles(name: string): () => void {
    const host = this.host(name);
    const copies = [...host.disks.values()].map((disk) => ({ disk, copy: disk.copy() }));
    return () => {
      for (const { disk, copy } of copies) disk.replace(copy);
      host.diskLives += 1;
    };
  }

  /** Something on the node's disk changes by itself (store-node/shard/inject.ts). */
  spoil(name: string, shard: number, header: InjectHeader): void {
    const host = this.host(name);
    if (!host.node?.has(shard) || !host.process.isAlive) return;
    const { context } = host.node.replica(shard);
    const { store } = context;
    const dice = this.world.random.fork(`spoil ${this.world.now}`);
    const ports = { shardCount: this.shards, random: () => dice.next() };
    if (!(store instanceof DiskStore)) throw new TypeError('Only a replica on disk can be spoiled.');
    try {
      store.spoil(() => inject(context, header, ports));
      if (header.kind === 'rewind-cursor') host.diskLives += 1;
    } catch (error) {
      // There is nothing of that kind yet.
      if (!(error instanceof DriftlessError)) throw error;
    }
  }

  #configOf(nodeId: string): NodeConfig {
    const { nodes, shards, config } = this.#options;
    const members = memberNames(nodes);
    return { ...nodeConfigSchema.parse({ cluster, nodeId, members, shards }), ...config };
  }

  #portsOf(host: NodeHost, link: Link): NodePorts {
    const { process, name } = host;
    const config = this.#configOf(name);
    return {
      clock: process.clock,
      logger: this.#loggerOf(process),
      bus: link.bus,
      leases: link.leases(config.shards, config.leaseMarginMs),
      streamOf: (shard) => link.stream(shard, config.publishTimeoutMs),
      filesOf: (shard) => this.#filesOf(host, shard),
      memberFile: host.memberFile,
      peers: (urlOf) =>
        simPeers(this.network, process, {
          timeoutMs: config.peerTimeoutMs,
          urlOf,
          receive: (shard, copy) => host.files.get(shard)?.receive(copy),
          copied: (peer, shard) => this.host(peer).files.get(shard)?.copied,
        }),
      instruments: () => countingInstruments((name, by) => this.count(name, by)),
      keepClusterRecord: () => Promise.resolve(),
      // A process that dies in a call is dead already.
      fail: () => undefined,
    };
  }

  #filesOf(host: NodeHost, shard: number): SimFiles {
    const { process, name } = host;
    const disk = host.disks.get(shard) ?? new Disk(() => host.process.clock.wall());
    host.disks.set(shard, disk);
    const speed = { syncMs: () => host.syncMs };
    const news = {
      onSynced: (store: ShardStore) => this.#news.onSynced(name, shard, store),
      onCommitted: (store: ShardStore, change: Change) => this.#news.onCommitted(name, shard, store, change),
      onOrphans: (versions: readonly Position[]) => this.#news.onOrphans(shard, versions),
    };
    const files = new SimFiles(disk, process, speed, news);
    host.files.set(shard, files);
    return files;
  }

  count(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by);
  }

  #loggerOf({ name }: Process): Logger {
    const write =
      (level: string) =>
      (...parts: unknown[]): void => {
        const [fields, message] = typeof parts[0] === 'string' ? [{}, parts[0]] : parts;
        const { shard, err, ...more } = fields as { shard?: number; err?: Error };
        const what = [message, err?.message, Object.keys(more).length > 0 && JSON.stringify(more)];
        const where = shard === undefined ? name : `${name}/${shard}`;
        this.world.note(`${where} ${level} ${what.filter(Boolean).join(': ')}`);
      };
    const nothing = (): void => undefined;
    return {
      debug: nothing,
      trace: nothing,
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      fatal: write('fatal'),
    } as unknown as Logger;
  }

  #faulted(process: Process | undefined, error: unknown): void {
    if (error instanceof Crashed) return;
    const name = process?.name ?? 'the simulation';
    this.world.note(`${name} fault: ${error instanceof Error ? error.stack : String(error)}`);
    this.#news.onFault(name, error);
    process?.die();
  }

  #startGateway(name: string): void {
    const process = new Process(this.world, name);
    const link = this.nats.connect(process);
    const config: GatewayConfig = gatewayConfigSchema.parse({ cluster, instance: name });
    const table = new RoutingTable(config, process.clock);
    const answerTimeoutMs = {
      write: config.writeTimeoutMs + config.hopMarginMs,
      read: config.readTimeoutMs,
      list: config.readTimeoutMs + config.hopMarginMs,
    };
    const random = this.world.random.fork(name);
    const store = new Store(config, table, silentTelemetry, {
      clock: process.clock,
      random: () => random.next(),
      connect: (node, url) => simHop(this.network, process, node, url, { answerTimeoutMs }),
    });
    const sessions = new Sessions(cluster);
    sessions.useKey(Buffer.alloc(32, 7));
    const { members, shards: shardCount, replicationFactor } = this.#configOf('node-1');
    const record = { format: 1 as const, cluster, id: 'id', shardCount, members, replicationFactor };
    table.hear({ type: 'cluster-known', cluster: record });
    link.bus.subscribe(`driftless.${cluster}.status.*`, (status) => {
      table.hear({ type: 'status-heard', status: status as never });
    });
    link.bus.onConnected(() => table.hear({ type: 'nats-back' }));
    void link.leases(shardCount, config.routeWaitMs).watch((shard, { lease }) => {
      if (lease) table.hear({ type: 'lease-seen', shard, lease });
    });
    let wasConnected = true;
    process.clock.every(routingTickMs, () => {
      const isConnected = link.bus.isConnected();
      if (wasConnected && !isConnected) table.hear({ type: 'nats-lost' });
      wasConnected = isConnected;
      table.hear({ type: 'ticked' });
    });
    this.gateways.push({ process, store, sessions });
  }

  /** Why the cluster is not at rest, with all replicas equal; undefined when it is. */
  unrest(): string | undefined {
    for (let shard = 0; shard < this.shards; shard += 1) {
      const places = new Set<string>();
      let leaders = 0;
      for (const { name, node } of this.hosts) {
        if (!node) return `${name} does not run`;
        if (!node.has(shard)) continue;
        const { context, leader, role } = node.replica(shard);
        const { state } = context;
        const status = node.replica(shard).status();
        const damage = damageOf(context.store);
        if (damage !== undefined) return `on ${name}, in shard ${shard}, ${damage}`;
        if (status.health !== 'healthy') return `${name} is ${status.health} in shard ${shard}`;
        if (leader) {
          leaders += 1;
          if (leader.outboxOps > 0) return `${name} has an outbox in shard ${shard}`;
        } else if (role !== 'following') return `${name} is ${role} in shard ${shard}`;
        places.add(`${state.applied.epoch}-${state.applied.seq} ${formatDigest(state.root)}`);
      }
      if (leaders !== 1) return `shard ${shard} has ${leaders} leaders`;
      if (places.size > 1) return `the replicas of shard ${shard} stand at ${[...places].join(', ')}`;
    }
    return undefined;
  }
}

export function memberNames(nodes: number): string[] {
  return Array.from({ length: nodes }, (_, i) => `node-${i + 1}`);
}
