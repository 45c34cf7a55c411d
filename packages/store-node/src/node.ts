/**
 * A store node: the replicas it hosts, what it knows of the other nodes, and the ticks that drive them. One
 * timer moves all replicas on; one subscription each hears heads, applied positions and statuses for all of
 * them.
 */
import {
  appliedMessageSchema,
  appliedSubject,
  DriftlessError,
  headMessageSchema,
  headSubject,
  type InjectAnswer,
  type InjectHeader,
  type NodeStatus,
  nodeStatusSchema,
  statusSubject,
} from '@driftless/contracts';
import type { z } from 'zod';
import type { NodeConfig } from './config.ts';
import { HandBack } from './core/hand-back.ts';
import type { SeenRevision } from './jetstream/port.ts';
import { Membership } from './membership/membership.ts';
import { Moves } from './membership/moves.ts';
import { News } from './news.ts';
import type { NodePorts } from './ports.ts';
import { Roster } from './roster.ts';
import { assembleReplica } from './shard/assemble.ts';
import { gaugesOf } from './shard/gauges.ts';
import { inject } from './shard/inject.ts';
import type { Peers } from './shard/peers.ts';
import type { ShardReplica } from './shard/replica.ts';
import type { Traces } from './shard/traces.ts';
import { Upkeep } from './shard/upkeep.ts';
import type { Instruments } from './telemetry.ts';

/** How often replicas get a tick, milliseconds. */
const tickMs = 50;
/** How often replicas get a turn of upkeep, milliseconds. */
const choresEveryMs = 5000;

export interface StoreNodeParts {
  config: NodeConfig;
  incarnation: string;
  startedAt: string;
  url: string;
  ports: NodePorts;
}

export class StoreNode {
  readonly #parts: StoreNodeParts;
  readonly #replicas = new Map<number, ShardReplica>();
  readonly #roster: Roster;
  readonly #handBack: HandBack;
  readonly #peers: Peers;
  readonly #instruments: Instruments;
  /** Each ends a timer. */
  readonly #timers: (() => void)[] = [];
  readonly #news: News;
  /** The last two ticks: what is heard now was told after the earlier one, even if we were paused since. */
  #ticks: [earlier: number, last: number] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  readonly #upkeeps = new Map<number, Upkeep>();
  readonly #membership: Membership;
  readonly #moves: Moves;
  /** The leases as last seen, for replicas that are opened later. */
  readonly #leases = new Map<number, SeenRevision>();
  #watch: { stop(): void } | undefined;
  #draining = false;

  private constructor(parts: StoreNodeParts) {
    this.#parts = parts;
    const { ports, config } = parts;
    this.#news = new News(config, ports, () => this.status());
    // Answers that take longer than the margin are given up: half of it is too far from NATS to lead.
    this.#roster = new Roster(config.headSilentMs, config.leaseMarginMs / 2);
    this.#handBack = new HandBack(config.handBackAfterMs);
    this.#membership = new Membership({
      node: config.nodeId,
      founders: config.members,
      shardCount: config.shards,
      replicationFactor: config.replicationFactor,
      file: ports.memberFile,
    });
    this.#moves = new Moves(this, this.#membership, this.#roster, config, ports.logger);
    this.#peers = ports.peers((node) => this.#roster.urlOf(node));
    this.#instruments = ports.instruments({
      replicas: () => this.replicas.map(gaugesOf),
      silences: () => this.#silences(),
    });
  }

  /** Opens the files, joins the cluster and starts the replicas. */
  static async start(parts: StoreNodeParts): Promise<StoreNode> {
    const node = new StoreNode(parts);
    const { bus, leases } = parts.ports;
    node.#openReplicas();
    node.#listen();
    node.#watch = await leases.watch((shard, seen) => {
      node.#leases.set(shard, seen);
      node.#replicas.get(shard)?.leaseSeen(seen);
    });
    bus.onConnected(() => {
      for (const replica of node.#replicas.values()) replica.linkRestored();
    });
    for (const replica of node.#replicas.values()) replica.start();
    node.#startTimers();
    // Others have to know where we are before they can ask us anything.
    node.#tellStatus();
    return node;
  }

  get instruments(): Instruments {
    return this.#instruments;
  }

  get traces(): Traces | undefined {
    return this.#parts.ports.traces;
  }

  get membership(): Membership {
    return this.#membership;
  }

  /** What an operator orders goes to the other nodes at once. */
  orderMembers(order: (membership: Membership) => void): void {
    order(this.#membership);
    this.#tellStatus();
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
    const { config, incarnation, url, startedAt, ports } = this.#parts;
    const natsVersion = ports.bus.serverVersion;
    const { roundTripMs } = this.#roster;
    return {
      node: config.nodeId,
      incarnation,
      url,
      startedAt,
      natsConnected: ports.bus.isConnected(),
      toldAt: this.#now(),
      ...(roundTripMs !== undefined && { natsRoundTripMs: roundTripMs }),
      ...(natsVersion !== undefined && { natsVersion }),
      draining: this.#draining,
      members: [...this.#membership.list],
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
    const able = members.includes(to) && this.#roster.couldLead(to, shard, state.applied, this.#now());
    if (!able)
      throw new DriftlessError('replica-unavailable', `${to} could not lead shard ${shard} at once.`);
    replica.resign(to);
  }

  /** Lets a copy of a peer's file take the place of a replica. Throws `is-leader` where it leads. */
  restore(shard: number): void {
    if (!this.replica(shard).isFollowing) {
      throw new DriftlessError('is-leader', `This node leads shard ${shard}, or is about to.`);
    }
    this.#upkeeps.get(shard)?.restore();
  }

  /** Spoils a replica on purpose, where that is switched on. */
  inject(shard: number, header: InjectHeader): InjectAnswer {
    const { config } = this.#parts;
    if (!config.inject) {
      const hint = 'Start the node with DRIFTLESS_INJECT=true; only for tests.';
      throw new DriftlessError('forbidden', 'Drift is not injected here.', { hint });
    }
    const ports = { shardCount: config.shards, random: Math.random };
    const keys = inject(this.replica(shard).context, header, ports);
    return { node: this.id, shard, kind: header.kind, keys };
  }

  #successorOf({ context }: ShardReplica): string | null {
    const { membersInTurn, shard, state } = context;
    const others = membersInTurn.filter((member) => member !== this.id);
    return this.#roster.successor(others, shard, state.applied, this.#now());
  }

  async stop(): Promise<void> {
    for (const callOff of this.#timers) callOff();
    this.#news.stop();
    this.#watch?.stop();
    for (const replica of this.#replicas.values()) replica.stop();
    await this.#peers.close();
  }

  /**
   * In its first life a founder opens the replicas that the cluster began with, later every node those that
   * it has. The others come when a shard's leader asks for them.
   */
  #openReplicas(): void {
    const { config, ports } = this.#parts;
    this.#membership.foundingSets().forEach((nodes, shard) => {
      const isFounder = nodes.includes(config.nodeId);
      const isHere = ports.filesOf(shard).exists();
      if (isHere || (isFounder && this.#membership.isFirstLife)) this.#open(shard, isFounder ? nodes : []);
    });
    this.#membership.keep();
  }

  #open(shard: number, founders: readonly string[]): ShardReplica {
    const { config, incarnation, ports } = this.#parts;
    const parts = { config, incarnation, ports, peers: this.#peers, instruments: this.#instruments };
    const wanted = (): readonly string[] => this.#membership.wanted[shard] ?? [];
    const replica = assembleReplica(
      parts,
      { shard, founders, wanted },
      {
        onProgress: (moved, prompt) => this.#news.progress(moved, prompt),
        onHealth: () => this.#news.statusSoon(),
      },
    );
    this.#replicas.set(shard, replica);
    this.#instruments.opened(shard);
    this.#upkeeps.set(shard, new Upkeep(replica));
    return replica;
  }

  /** Opens a replica that knows nothing yet, and lets it take a copy. */
  take(shard: number): void {
    const replica = this.#open(shard, []);
    replica.start();
    const seen = this.#leases.get(shard);
    if (seen) replica.leaseSeen(seen);
  }

  /** Whether the replica is in the middle of something. */
  isBusy(shard: number): boolean {
    return this.#upkeeps.get(shard)?.isBusy ?? false;
  }

  /** Closes a replica and removes it for good. */
  letGo(shard: number): void {
    const replica = this.replica(shard);
    this.#replicas.delete(shard);
    this.#upkeeps.delete(shard);
    this.#news.forget(replica);
    replica.stop();
    replica.context.files.remove();
    void replica.context.stream.forget().catch((error: unknown) => {
      this.#parts.ports.logger.warn(
        { shard, err: error },
        'the consumer of a removed replica is still there',
      );
    });
  }

  #startTimers(): void {
    const { config, ports } = this.#parts;
    const { clock } = ports;
    this.#timers.push(
      clock.every(tickMs, () => this.#tick()),
      clock.every(config.statusEveryMs, () => this.#tellStatus()),
      clock.every(choresEveryMs, () => this.#doChores()),
    );
  }

  #tick(): void {
    this.#ticks = [this.#ticks[1], this.#now()];
    for (const replica of this.#replicas.values()) {
      replica.tick();
      if (replica.leader) this.#news.head(replica);
    }
  }

  #tellStatus(): void {
    if (!this.#draining) this.#moves.turn(this.#now());
    const status = this.status();
    this.#roster.heard(status, this.#now());
    this.#news.status(status);
    // Told again, in case that a message was lost.
    for (const replica of this.#replicas.values()) if (!replica.leader) this.#news.progress(replica, false);
    this.#considerHandBack();
  }

  /** Of the other members, those that were never heard of left out. */
  #silences(): { node: string; seconds: number }[] {
    return this.#membership.list.flatMap(({ node, state }) => {
      const silentMs = this.#roster.silentMs(node, this.#now());
      if (node === this.id || state === 'left' || silentMs === undefined) return [];
      return { node, seconds: silentMs / 1000 };
    });
  }

  #now(): number {
    return this.#parts.ports.clock.monotonic();
  }

  #listen(): void {
    const { cluster, nodeId } = this.#parts.config;
    this.#subscribe(headSubject(cluster, '*'), headMessageSchema, (head, shard) => {
      const replica = this.#replicas.get(shard);
      if (replica && !replica.leader) replica.context.lag.told(head, this.#now(), this.#ticks[0]);
    });
    this.#subscribe(appliedSubject(cluster, '*'), appliedMessageSchema, (applied, shard) => {
      this.#replicas.get(shard)?.heard(applied.node, applied);
    });
    this.#subscribe(statusSubject(cluster, '*'), nodeStatusSchema, (status) => {
      if (status.node !== nodeId) this.#hear(status);
      else if (status.incarnation === this.#parts.incarnation) this.#roster.echoed(status, this.#now());
    });
  }

  #hear(status: NodeStatus): void {
    const isNew = this.#roster.urlOf(status.node) === undefined;
    this.#roster.heard(status, this.#now());
    this.#membership.heard(status.members);
    // What it told of a replica that is gone must not count for the next one that it takes.
    for (const { shard, context } of this.#replicas.values()) {
      if (!status.shards.some((replica) => replica.shard === shard)) context.told.delete(status.node);
    }
    // Who is new may be invited, and who is invited takes a copy: neither waits until its time comes again.
    if (isNew) this.#tellStatus();
    else if (!this.#draining && this.#moves.isInvitedBy(status)) this.#moves.turn(this.#now());
  }

  #subscribe<T>(pattern: string, schema: z.ZodType<T>, onMessage: (message: T, shard: number) => void): void {
    const { bus, logger } = this.#parts.ports;
    bus.subscribe(pattern, (message, subject) => {
      const parsed = schema.safeParse(message);
      if (parsed.success) onMessage(parsed.data, Number(subject.split('.').at(-1)));
      else logger.warn({ subject }, 'a message of another format was ignored');
    });
  }

  /** Leaderships go back to the preferred node once it has been well for a while. */
  #considerHandBack(): void {
    if (this.#draining) return;
    const now = this.#now();
    for (const replica of this.#replicas.values()) {
      const { membersInTurn, shard, state } = replica.context;
      const [preferred] = membersInTurn;
      if (preferred === undefined || preferred === this.id) continue;
      if (!replica.leader) {
        if (this.#roster.leading(shard, now)?.node === preferred) this.#handBack.taken(shard);
        continue;
      }
      const well = this.#roster.couldLead(preferred, shard, state.applied, now);
      if (this.#handBack.isDue(shard, well, now)) replica.resign(preferred);
    }
  }

  #doChores(): void {
    // JetStream may have lost it, and gateways that start need it.
    void this.#parts.ports.keepClusterRecord().catch(() => undefined);
    for (const upkeep of this.#upkeeps.values()) upkeep.turn();
    for (const { context } of this.#replicas.values()) context.save();
  }
}
