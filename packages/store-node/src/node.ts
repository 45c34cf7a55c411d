/**
 * A store node: the replicas it hosts, what it knows of the other nodes, and the ticks that drive them. One
 * timer moves all replicas on; one subscription each hears heads, applied positions and statuses for all of
 * them.
 */
import { join } from 'node:path';
import {
  appliedMessageSchema,
  appliedSubject,
  catchUpBytesMax,
  DriftlessError,
  eventBytesMax,
  eventOperationsMax,
  headMessageSchema,
  headSubject,
  type NodeStatus,
  nodeStatusSchema,
  preferredLeaders,
  replicasOf,
  statusSubject,
} from '@driftless/contracts';
import type { Logger, NatsLink, Telemetry } from '@driftless/runtime';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { Msg } from '@nats-io/transport-node';
import type { z } from 'zod';
import type { NodeConfig } from './config.ts';
import { HandBack } from './core/hand-back.ts';
import { LagTracker } from './core/lag.ts';
import { checkClusterRecord, keepClusterRecord } from './jetstream/cluster-record.ts';
import { KvLeases } from './jetstream/leases.ts';
import type { EventStream } from './jetstream/port.ts';
import { JetStreamEvents } from './jetstream/stream.ts';
import { Roster } from './roster.ts';
import { type Clock, ShardContext, type ShardLimits } from './shard/context.ts';
import { gaugesOf } from './shard/gauges.ts';
import { HttpPeers } from './shard/peers.ts';
import { ShardReplica } from './shard/replica.ts';
import { Upkeep } from './shard/upkeep.ts';
import { ShardFiles } from './sqlite/files.ts';
import { createInstruments, type Instruments } from './telemetry.ts';

/** How often replicas get a tick, milliseconds. */
const tickMs = 50;
/** Shortest time between two tellings of one shard's head, milliseconds. */
const headEveryMs = 100;
/** Samples of heads that a replica keeps to tell its lag. */
const lagSamplesMax = 1024;
/** How often replicas get a turn of upkeep, milliseconds. */
const choresEveryMs = 5000;

export interface StoreNodeParts {
  config: NodeConfig;
  incarnation: string;
  startedAt: string;
  url: string;
  link: NatsLink;
  logger: Logger;
  telemetry: Telemetry;
}

const clock: Clock = { monotonic: () => performance.now(), wall: () => Date.now() };

export class StoreNode {
  readonly #parts: StoreNodeParts;
  readonly #replicas = new Map<number, ShardReplica>();
  readonly #roster: Roster;
  readonly #handBack: HandBack;
  readonly #peers: HttpPeers;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #headTold = new Map<number, number>();
  /** Replicas whose applied position was not synced and told yet, and when that was done last. */
  readonly #untold = new Set<ShardReplica>();
  #syncedAt = Number.NEGATIVE_INFINITY;
  /** The last two ticks: what is heard now was told after the earlier one, even if we were paused since. */
  #ticks: [earlier: number, last: number] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  #tellTimer: NodeJS.Timeout | undefined;
  readonly #upkeeps: Upkeep[] = [];
  #watch: { stop(): void } | undefined;
  #draining = false;

  private constructor(parts: StoreNodeParts) {
    this.#parts = parts;
    const { logger, config } = parts;
    this.#roster = new Roster(config.headSilentMs);
    this.#handBack = new HandBack(config.handBackAfterMs);
    this.#peers = new HttpPeers({
      urlOf: (node) => this.#roster.urlOf(node),
      timeoutMs: config.peerTimeoutMs,
      onFault: (peer, error) => logger.warn({ peer, err: error }, 'a peer did not answer'),
    });
  }

  /** Opens the files, joins the cluster on NATS and starts the replicas. */
  static async start(parts: StoreNodeParts): Promise<StoreNode> {
    const node = new StoreNode(parts);
    const { config, link, logger } = parts;
    const connection = link.nc;
    await checkClusterRecord(connection, config);
    const leases = await KvLeases.open(connection, {
      cluster: config.cluster,
      shardCount: config.shards,
      streamReplicas: config.streamReplicas,
      requestTimeoutMs: config.leaseMarginMs,
      rewatchMs: config.retryDelayMs,
      onWatchBroken: (error) => logger.warn({ err: error }, 'the watch of the leases broke; watching anew'),
    });
    const js = jetstream(connection);
    const jsm = await jetstreamManager(connection, { checkAPI: false });
    const instruments = createInstruments(parts.telemetry.meter, () => node.replicas.map(gaugesOf));
    for (const [shard, members] of node.#placement()) {
      const stream = new JetStreamEvents(js, jsm, {
        ...config,
        shard,
        node: config.nodeId,
        duplicateWindowMs,
      });
      const replica = node.#makeReplica(shard, members, stream, leases, instruments);
      node.#replicas.set(shard, replica);
      node.#upkeeps.push(new Upkeep(replica));
    }
    node.#listen();
    node.#watch = await leases.watch((shard, seen) => node.#replicas.get(shard)?.leaseSeen(seen));
    link.onStatus(({ type }) => {
      if (type === 'connected') for (const replica of node.#replicas.values()) replica.linkRestored();
    });
    for (const replica of node.#replicas.values()) replica.start();
    node.#startTimers();
    return node;
  }

  get id(): string {
    return this.#parts.config.nodeId;
  }

  get replicas(): ShardReplica[] {
    return [...this.#replicas.values()];
  }

  has(shard: number): boolean {
    return this.#replicas.has(shard);
  }

  /** Throws `replica-unavailable` when the shard isn't here. */
  replica(shard: number): ShardReplica {
    const replica = this.#replicas.get(shard);
    if (!replica)
      throw new DriftlessError('replica-unavailable', `This node has no replica of shard ${shard}.`);
    return replica;
  }

  /**
   * Serving: every replica is following or leading (a halted one shows in the status, and serves nothing).
   */
  ready(): { ok: boolean; reason?: string } {
    if (this.#draining) return { ok: false, reason: 'draining' };
    for (const replica of this.#replicas.values()) {
      if (replica.role === 'starting') return { ok: false, reason: `shard ${replica.shard} is starting` };
    }
    return { ok: true };
  }

  status(): NodeStatus {
    const { config, incarnation, url, startedAt, link } = this.#parts;
    const natsVersion = link.nc.info?.version;
    return {
      node: config.nodeId,
      incarnation,
      url,
      startedAt,
      natsConnected: link.isConnected(),
      ...(natsVersion !== undefined && { natsVersion }),
      draining: this.#draining,
      shards: [...this.#replicas.values()].map((replica) => replica.status()),
    };
  }

  /** Hands leaderships over, one after the other as they empty their outboxes. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#tellStatus();
    await Promise.all(
      [...this.#replicas.values()].map((replica) => replica.drain(this.#successorOf(replica))),
    );
  }

  /**
   * Hands the leadership of a shard to another member, which takes it when the outbox here is empty. Throws
   * when this node doesn't lead, or the other one could not lead at once.
   */
  handOver(shard: number, to: string): void {
    const replica = this.replica(shard);
    replica.requireLeader();
    const { members, state } = replica.context;
    const able = members.includes(to) && this.#roster.couldLead(to, shard, state.applied, clock.monotonic());
    if (!able)
      throw new DriftlessError('replica-unavailable', `${to} could not lead shard ${shard} at once.`);
    replica.resign(to);
  }

  #successorOf({ context }: ShardReplica): string | null {
    const { members, shard, state } = context;
    const others = members.filter((member) => member !== this.id);
    return this.#roster.successor(others, shard, state.applied, clock.monotonic());
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#watch?.stop();
    for (const replica of this.#replicas.values()) replica.stop();
    await this.#peers.close();
  }

  /** The shards that have a replica here, each with its replicas, the preferred leader first. */
  #placement(): Map<number, string[]> {
    const { shards, members, replicationFactor, nodeId } = this.#parts.config;
    const preferred = preferredLeaders(shards, members, replicationFactor);
    const placement = new Map<number, string[]>();
    preferred.forEach((leader, shard) => {
      const replicas = replicasOf(shard, members, replicationFactor);
      const inTurn = [leader, ...replicas.filter((member) => member !== leader)];
      if (inTurn.includes(nodeId)) placement.set(shard, inTurn);
    });
    return placement;
  }

  #makeReplica(
    shard: number,
    members: readonly string[],
    stream: EventStream,
    leases: KvLeases,
    instruments: Instruments,
  ): ShardReplica {
    const { config, logger, incarnation } = this.#parts;
    const directory = join(config.dataDir, 'nodes', config.nodeId);
    const files = new ShardFiles({ ...config, directory, shard });
    const ackEveryEvents = Math.ceil(config.ackPendingMax / 4);
    const limits: ShardLimits = {
      ...config,
      ackEveryEvents,
      eventOperationsMax,
      eventBytesMax,
      catchUpBytesMax,
    };
    const { headSilentMs, nodeId: node } = config;
    const lag = new LagTracker({ headSilentMs, samplesMax: lagSamplesMax });
    const peers = this.#peers;
    const context = new ShardContext({
      shard,
      node,
      members,
      files,
      stream,
      peers,
      clock,
      limits,
      logger,
      instruments,
      lag,
    });
    const election = { ...config, node, incarnation, rank: members.indexOf(node) };
    return new ShardReplica(context, leases, election, {
      natsIsLost: () => !this.#parts.link.isConnected(),
      onProgress: (replica, prompt) => this.#progress(replica, prompt),
    });
  }

  #startTimers(): void {
    const { statusEveryMs } = this.#parts.config;
    this.#timers.push(
      setInterval(() => this.#tick(), tickMs),
      setInterval(() => this.#tellStatus(), statusEveryMs),
      setInterval(() => this.#doChores(), choresEveryMs),
    );
  }

  #tick(): void {
    this.#ticks = [this.#ticks[1], clock.monotonic()];
    for (const replica of this.#replicas.values()) {
      replica.tick();
      if (replica.leader) this.#tellHead(replica);
    }
  }

  /** Tells where a leader's log ends, or what a follower has applied durably. */
  #progress(replica: ShardReplica, prompt: boolean): void {
    if (replica.leader) {
      this.#tellHead(replica);
      return;
    }
    this.#untold.add(replica);
    const wait = prompt ? 0 : this.#syncedAt + this.#parts.config.followerSyncMs - clock.monotonic();
    if (wait <= 0) this.#tellApplied();
    else this.#tellTimer ??= setTimeout(() => this.#tellApplied(), wait);
  }

  /** One sync a shard for all that was applied since the last one. */
  #tellApplied(): void {
    clearTimeout(this.#tellTimer);
    this.#tellTimer = undefined;
    const { cluster, nodeId: node } = this.#parts.config;
    const replicas = [...this.#untold].filter(({ isOpen }) => isOpen);
    this.#untold.clear();
    for (const replica of replicas) {
      replica.settle();
      const { context, shard } = replica;
      this.#publish(appliedSubject(cluster, shard), { node, ...context.durable });
    }
    this.#syncedAt = clock.monotonic();
  }

  #tellHead(replica: ShardReplica): void {
    // A leader that may have been deposed has no news.
    if (!replica.leadsForSure) return;
    const now = clock.monotonic();
    if (now - (this.#headTold.get(replica.shard) ?? Number.NEGATIVE_INFINITY) < headEveryMs) return;
    this.#headTold.set(replica.shard, now);
    const { cluster, nodeId: node } = this.#parts.config;
    const { epoch, seq } = replica.context.state.applied;
    this.#publish(headSubject(cluster, replica.shard), { node, epoch, seq, committedAt: clock.wall() });
  }

  #tellStatus(): void {
    const { cluster, nodeId } = this.#parts.config;
    const status = this.status();
    this.#roster.heard(status, clock.monotonic());
    this.#publish(statusSubject(cluster, nodeId), status);
    // Told again, in case that a message was lost.
    for (const replica of this.#replicas.values()) if (!replica.leader) this.#progress(replica, false);
    this.#considerHandBack();
  }

  /** News for whoever listens. While NATS is away they are dropped: they would be stale when it is back. */
  #publish(subject: string, message: unknown): void {
    const { link } = this.#parts;
    if (link.isConnected()) link.nc.publish(subject, JSON.stringify(message));
  }

  #listen(): void {
    const { cluster } = this.#parts.config;
    this.#subscribe(headSubject(cluster, '*'), headMessageSchema, (head, shard) => {
      const replica = this.#replicas.get(shard);
      if (replica && !replica.leader) replica.context.lag.told(head, clock.monotonic(), this.#ticks[0]);
    });
    this.#subscribe(appliedSubject(cluster, '*'), appliedMessageSchema, (applied, shard) => {
      const replica = this.#replicas.get(shard);
      replica?.context.told.set(applied.node, applied);
      replica?.leader?.heard();
    });
    this.#subscribe(statusSubject(cluster, '*'), nodeStatusSchema, (status) => {
      this.#roster.heard(status, clock.monotonic());
    });
  }

  #subscribe<T>(subject: string, schema: z.ZodType<T>, onMessage: (message: T, shard: number) => void): void {
    this.#parts.link.nc.subscribe(subject, {
      callback: (error: Error | null, message: Msg) => {
        if (error) return this.#parts.logger.warn({ subject, err: error }, 'a subscription met an error');
        const parsed = schema.safeParse(message.json());
        if (parsed.success) onMessage(parsed.data, Number(message.subject.split('.').at(-1)));
        else this.#parts.logger.warn({ subject: message.subject }, 'a message of another format was ignored');
      },
    });
  }

  /** Leaderships go back to the preferred node once it has been well for a while. */
  #considerHandBack(): void {
    if (this.#draining) return;
    const now = clock.monotonic();
    for (const replica of this.#replicas.values()) {
      const { members, shard, state } = replica.context;
      const preferred = members[0];
      if (!replica.leader || preferred === undefined || preferred === this.id) continue;
      const well = this.#roster.couldLead(preferred, shard, state.applied, now);
      if (this.#handBack.isDue(shard, well, now)) replica.resign(preferred);
    }
  }

  #doChores(): void {
    // JetStream may have lost it, and gateways that start need it.
    void keepClusterRecord(this.#parts.link.nc, this.#parts.config).catch(() => undefined);
    for (const upkeep of this.#upkeeps) upkeep.turn();
    for (const { context } of this.#replicas.values()) context.sync();
  }
}

/** Window in which JetStream knows a message id again, milliseconds. */
const duplicateWindowMs = 120_000;
