/**
 * A replica of one shard: the composition of its election, its follower and its leader. The core decides;
 * this shell runs the effects in order, and turns answers from JetStream back into events. It is either
 * following (the stream is consumed) or leading (it isn't: a leader's own log is ahead of the stream).
 */
import {
  DriftlessError,
  formatDigest,
  isZeroDigest,
  type Lease,
  type Position,
  type ReplicaRole,
  type ReplicaStatus,
} from '@driftless/contracts';
import { isStillOurs } from '../core/barrier.ts';
import {
  type ElectionConfig,
  type ElectionEffect,
  type ElectionEvent,
  type ElectionState,
  electionStart,
  leaseIsLive,
  stepElection,
} from '../core/election.ts';
import type { StreamEnd } from '../core/outbox.ts';
import { isDrifted, isSettling } from '../core/state.ts';
import type { LeaseStore, SeenRevision } from '../jetstream/port.ts';
import { Campaign } from './campaign.ts';
import type { ShardContext } from './context.ts';
import { Exchanges } from './exchanges.ts';
import { Follower } from './follower.ts';
import { Leader } from './leader.ts';
import { Scrub } from './scrub.ts';
import { StreamBarrier } from './stream-barrier.ts';

export interface ReplicaHooks {
  natsIsLost(): boolean;
  /**
   * Tell the other processes: the position moved or the role changed. `prompt`: a client waits to hear of it.
   */
  onProgress(replica: ShardReplica, prompt: boolean): void;
  /** Drift was found, or is gone: whoever heals and whoever routes wants to know at once. */
  onHealth(replica: ShardReplica): void;
}

export class ShardReplica {
  readonly context: ShardContext;
  /** Strong reads pass it when the stream says, after they came, that nobody else leads. */
  readonly barrier: StreamBarrier;
  readonly scrub: Scrub;
  readonly exchanges: Exchanges;
  readonly #leases: LeaseStore;
  #config: ElectionConfig;
  readonly #hooks: ReplicaHooks;
  readonly #follower: Follower;
  readonly #campaign: Campaign;
  #election: ElectionState = electionStart;
  #leader: Leader | undefined;
  #started = false;
  #draining = false;
  /** Our lease could not be renewed last, though nobody else has it: JetStream may have no quorum. */
  #leaseIsStuck = false;

  constructor(
    context: ShardContext,
    leases: LeaseStore,
    config: Omit<ElectionConfig, 'rank'>,
    hooks: ReplicaHooks,
  ) {
    this.context = context;
    this.#leases = leases;
    this.#config = { ...config, rank: 0 };
    this.#hooks = hooks;
    this.scrub = new Scrub(context);
    this.exchanges = new Exchanges(this);
    context.onHealth = () => hooks.onHealth(this);
    this.barrier = new StreamBarrier(context.stream, context.clock, (end) => this.#isProvenBy(end));
    this.#follower = new Follower(context, (prompt) => {
      hooks.onProgress(this, prompt);
      this.#campaign.progressed();
    });
    this.#campaign = new Campaign(context, this.#follower, {
      dispatch: (event) => this.#dispatch(event),
      isOver: () => this.#election.role !== 'campaigning',
    });
  }

  get shard(): number {
    return this.context.shard;
  }

  /** The leader, while this replica serves as one. */
  get leader(): Leader | undefined {
    return this.#election.role === 'leading' ? this.#leader : undefined;
  }

  /** Events that came from the stream and wait to be applied. */
  get applyQueueEvents(): number {
    return this.#follower.queued;
  }

  /** Leading under a lease that nobody can have taken. */
  get leadsForSure(): boolean {
    return this.leader !== undefined && this.#leaseIsLive();
  }

  #isProvenBy(end: StreamEnd & { createdAt: string }): boolean {
    const { leader, context } = this;
    if (!leader || !this.#leaseIsLive()) return false;
    const { streamCreatedAt, streamSeq } = context.state;
    return isStillOurs(end, { epoch: leader.epoch, streamCreatedAt, streamSeq });
  }

  get role(): ReplicaRole {
    if (this.context.halted !== undefined) return 'halted';
    if (!this.#started) return 'starting';
    const { role } = this.#election;
    if (role !== 'claiming' && role !== 'following') return role;
    const { isMember, isBlank, invited } = this.context;
    if (isMember) return 'following';
    return invited || isBlank ? 'learning' : 'retiring';
  }

  /** Started, and its files are not closed yet. */
  get isOpen(): boolean {
    return this.#started;
  }

  start(): void {
    this.#started = true;
    this.#follower.start();
  }

  /** Hands leadership over to `next`, if it is here; resolves when it isn't any more. */
  async drain(next: string | null): Promise<void> {
    this.#draining = true;
    this.resign(next);
    while (this.#election.role === 'resigning') {
      await this.context.clock.sleep(drainPollMs);
    }
  }

  stop(): void {
    this.#started = false;
    this.#follower.stop();
    this.#leader?.end();
    this.context.close();
  }

  resign(next: string | null): void {
    this.#dispatch({ type: 'resign', now: this.#now(), next });
  }

  /** A replica told what it has applied durably; a leader that resigns wants to hear of it too. */
  heard(node: string, position: Position): void {
    this.context.told.set(node, position);
    this.#leader?.heard();
  }

  /** Makes what was applied durable and acks it. */
  settle(): void {
    this.#follower.settle();
  }

  /** It neither leads nor is about to: what it holds may be changed from outside its log. */
  get isFollowing(): boolean {
    const { role } = this.#election;
    return this.#started && (role === 'following' || role === 'claiming');
  }

  /** Lets a copy of a healthy peer take this replica's place, and follows from there. */
  async recover(): Promise<void> {
    if (this.#started && this.#election.role === 'following') await this.#follower.bootstrap();
  }

  /** A follower that lacks something, by the word of the leader. */
  get isBehind(): boolean {
    const { lag, state } = this.context;
    return this.role === 'following' && lag.isPast(state.applied);
  }

  /** Goes on by the logs of peers to where the leader's log ends, back from orphans if need be. */
  async catchUp(): Promise<void> {
    const isOver = (): boolean => !this.#started || !this.isBehind;
    // Once back from orphans, once on to the end.
    for (let i = 0; i < 2 && !isOver(); i += 1) await this.#follower.reach(this.context.lag.headSeq, isOver);
  }

  tick(): void {
    if (!this.#started) return;
    const now = this.#now();
    const rank = Math.max(0, this.context.membersInTurn.indexOf(this.context.node));
    if (rank !== this.#config.rank) this.#config = { ...this.#config, rank };
    this.scrub.turn();
    this.context.captures.tick(now);
    this.context.listings.tick(now);
    this.#leader?.tick(now);
    if (this.leadsForSure) this.context.lag.led(now);
    const isEmpty = this.context.state.applied.seq === 0;
    this.#dispatch({ type: 'tick', now, fit: this.#isFit(), isEmpty });
  }

  /** The link to NATS is back. */
  linkRestored(): void {
    this.#dispatch({ type: 'link-restored', now: this.#now() });
    // The client would find out by itself, some seconds later.
    if (this.#started && !this.#leader && this.context.halted === undefined) this.#follower.restart();
  }

  leaseSeen({ revision, lease }: SeenRevision): void {
    this.#noteLeader(lease);
    this.#dispatch({ type: 'lease-seen', now: this.#now(), revision, lease });
  }

  status(): ReplicaStatus {
    const { context } = this;
    const { state, store, lastDrift, counts, soundness } = context;
    const lag = this.leader ? { ops: 0, ms: 0 } : context.lag.lag(state.applied.seq, this.#now());
    const reason = this.#reason();
    const log = store.logRange();
    return {
      shard: context.shard,
      role: this.role,
      health: this.#health(),
      ...(reason !== undefined && { reason }),
      ...(context.leader !== undefined && { leader: context.leader }),
      members: [...context.membersInTurn],
      ...(this.leader && context.move && { move: context.move }),
      applied: state.applied,
      root: formatDigest(state.root),
      ...(!isZeroDigest(state.drift) && { drift: formatDigest(state.drift) }),
      ...(isDrifted(state) && { suspectBuckets: soundness.suspectCount }),
      scrub: this.scrub.progress,
      ...(context.proven.size > 0 && { proven: [...context.proven.values()] }),
      ...(this.#leader && { confirmedSeq: state.confirmedSeq, outboxOps: this.#leader.outboxOps }),
      ...(lag && { lagOps: lag.ops }),
      ...(lag?.ms !== undefined && { lagMs: Math.round(lag.ms) }),
      ...(log && { log }),
      stream: { seq: state.streamSeq, createdAt: state.streamCreatedAt },
      counts: { ...counts, ...store.counts() },
      ...(lastDrift && { lastDrift }),
    };
  }

  #now(): number {
    return this.context.clock.monotonic();
  }

  #leaseIsLive(): boolean {
    return leaseIsLive(this.#election, this.#now(), this.#config);
  }

  #isFit(): boolean {
    const { halted, restoring, state, isMember, soundness } = this.context;
    const isEqual = !isDrifted(state) || soundness.isAcquitted(state);
    const isWhole = halted === undefined && !restoring && !isSettling(state);
    return !this.#draining && isMember && isEqual && isWhole;
  }

  #health(): ReplicaStatus['health'] {
    const { halted, restoring, state } = this.context;
    if (halted !== undefined) return 'halted';
    if (isDrifted(state)) return 'drifted';
    return restoring || isSettling(state) ? 'restoring' : 'healthy';
  }

  #reason(): string | undefined {
    const { halted, state, lastDrift } = this.context;
    if (halted !== undefined) return halted;
    if (!isDrifted(state)) return undefined;
    return lastDrift?.reason ?? 'A digest check failed before the last restart.';
  }

  #noteLeader(lease: Lease | null): void {
    this.context.leader = lease?.holder ?? undefined;
  }

  #dispatch(event: ElectionEvent): void {
    const before = this.#election.role;
    const { state, effects } = stepElection(this.#election, event, this.#config);
    this.#election = state;
    for (const effect of effects) this.#run(effect);
    if (this.#election.role !== before) this.#hooks.onProgress(this, false);
  }

  #run(effect: ElectionEffect): void {
    switch (effect.type) {
      case 'claim':
        return void this.#claim(effect.lease, effect.revision);
      case 'renew':
        return void this.#renew(effect.lease, effect.revision);
      case 'release':
        return void this.#leases.write(this.shard, effect.lease, effect.revision).catch(() => undefined);
      case 'find-stream-end':
        return void this.#campaign.findStreamEnd();
      case 'catch-up':
        this.#campaign.catchUp(effect.streamSeq);
        return;
      case 'append-epoch':
        return void this.#campaign.appendEpoch(effect.epoch, effect.expectedStreamSeq);
      case 'lead':
        this.#lead(effect.epoch);
        return;
      case 'drain':
        this.#leader?.drain();
        return;
      case 'stay':
        this.#leader?.resume();
        return;
      case 'follow':
        this.#follow(effect.reason);
        return;
    }
  }

  async #claim(lease: Lease, revision: number): Promise<void> {
    try {
      const won = await this.#leases.write(this.shard, lease, revision);
      if (won !== undefined) return this.#dispatch({ type: 'claim-won', revision: won });
      this.#dispatch({ type: 'claim-lost', now: this.#now() });
      this.leaseSeen(await this.#leases.read(this.shard));
    } catch (error) {
      await this.#leaseUnknown(error);
    }
  }

  async #renew(lease: Lease, revision: number): Promise<void> {
    try {
      const renewed = await this.#leases.write(this.shard, lease, revision);
      this.#leaseIsStuck = renewed === undefined;
      if (renewed !== undefined) return this.#dispatch({ type: 'renewed', revision: renewed });
      const seen = await this.#leases.read(this.shard);
      this.#noteLeader(seen.lease);
      this.#dispatch({ type: 'renewal-refused', now: this.#now(), ...seen });
    } catch (error) {
      await this.#leaseUnknown(error);
    }
  }

  async #leaseUnknown(error: unknown): Promise<void> {
    this.#leaseIsStuck = true;
    this.context.logger.warn({ shard: this.shard, err: error }, 'the lease got no answer');
    await this.#pause();
    this.#dispatch({ type: 'lease-unknown', now: this.#now() });
  }

  #pause(): Promise<void> {
    return this.context.clock.sleep(this.context.limits.retryDelayMs);
  }

  #lead(epoch: number): void {
    this.#follower.stop();
    this.context.lag.restart();
    this.context.leader = this.context.node;
    this.#leader = new Leader(this.context, epoch, {
      leaseIsLive: () => this.#leaseIsLive(),
      natsIsLost: () => this.#leaseIsStuck || this.#hooks.natsIsLost(),
      onDeposed: () => this.#dispatch({ type: 'deposed' }),
      onDrained: () => this.#dispatch({ type: 'drained' }),
      onCommitted: () => this.#hooks.onProgress(this, false),
    });
    this.context.instruments.elections.add(1, { shard: String(this.shard) });
    this.context.logger.info({ shard: this.shard, epoch }, 'leading');
  }

  #follow(reason: string): void {
    this.#campaign.end();
    const leader = this.#leader;
    this.#leader = undefined;
    const level = leader ? 'info' : 'debug';
    this.context.logger[level]({ shard: this.shard, reason }, 'following');
    if (!leader) return;
    leader.end();
    this.context.lag.restart();
    this.#follower.start();
  }

  /** Throws unless this replica leads; for requests that only the leader may serve. */
  requireLeader(): Leader {
    const { leader } = this;
    if (leader) return leader;
    const detail = this.context.leader ? `${this.context.leader} leads.` : 'Nobody leads at the moment.';
    throw new DriftlessError('not-leader', `This node does not lead shard ${this.shard}. ${detail}`);
  }
}

/** How often a draining node looks whether its leadership is over, milliseconds. */
const drainPollMs = 20;
