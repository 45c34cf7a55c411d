/**
 * When which shard has its round (core/schedule.ts), a few shards at a time:
 *
 *     hear(status)    a replica turned drifted, or can be compared again  →  its shard is due at once
 *     every tick      what is due and not held up                         →  a round; then the next due time
 *     run(body)       rounds that somebody asked for
 */
import {
  DriftlessError,
  type NodeStatus,
  type ReplicaStatus,
  type RoundReport,
  type RunAnswer,
  type RunBody,
} from '@driftless/contracts';
import { Unanswered } from '@driftless/runtime';
import { isSound, whyNotComparable } from '../core/plan-round.ts';
import {
  type Due,
  dueAfter,
  dueAtOnce,
  firstDue,
  isQuiet,
  parseQuietHours,
  type QuietHours,
  type RoundEnd,
} from '../core/schedule.ts';
import type { AntiEntropyConfig } from './config.ts';
import { overall, type RoundDone, type RoundOrder, Rounds, type RoundsPorts } from './rounds.ts';

export type HealerConfig = Pick<
  AntiEntropyConfig,
  | 'instance'
  | 'copyAboveKeys'
  | 'roundBytesMax'
  | 'roundEveryMs'
  | 'roundJitter'
  | 'roundKeysMax'
  | 'roundLeaseWaitMs'
  | 'roundQuietHours'
  | 'roundRetryMs'
  | 'roundsMax'
>;

export interface HealerPorts extends RoundsPorts {
  /** From 0 up to 1. */
  dice(): number;
}

/** How often it is looked for what is due, milliseconds. */
const tickMs = 100;
/** Pause before a lease that another process has is asked for again, milliseconds. */
const leaseRetryMs = 500;
/** A shard rests at least this long between two rounds, whatever nodes tell, milliseconds. */
const restMs = 1_000;

/** What a replica is fit for. */
type Standing = 'absent' | 'drifted' | 'sound';

export interface HealerShard {
  readonly shard: number;
  due: Due;
  /** The round that is under way. */
  running: Promise<unknown> | undefined;
  /** When the last round ended; monotonic, milliseconds. */
  endedAt: number;
  /** What was heard of its replicas last, by node. */
  readonly standings: Map<string, Standing>;
}

export class Healer {
  readonly rounds: Rounds;
  readonly shards: readonly HealerShard[];
  readonly #config: HealerConfig;
  readonly #ports: HealerPorts;
  readonly #quietHours: QuietHours | undefined;
  readonly #stopping = new AbortController();
  #endTicks: (() => void) | undefined;

  constructor(config: HealerConfig, shardCount: number, ports: HealerPorts) {
    this.#config = config;
    this.#ports = ports;
    this.rounds = new Rounds(config, ports);
    const { roundQuietHours: hours } = config;
    this.#quietHours = hours === undefined ? undefined : parseQuietHours(hours);
    this.shards = Array.from({ length: shardCount }, (_, shard) => ({
      shard,
      due: firstDue(this.now, ports.dice(), config),
      running: undefined,
      endedAt: Number.NEGATIVE_INFINITY,
      standings: new Map(),
    }));
  }

  /** Monotonic, milliseconds. */
  get now(): number {
    return this.#ports.clock.monotonic();
  }

  /** No scheduled round begins now. */
  get isQuiet(): boolean {
    return isQuiet(this.#quietHours, this.#ports.clock.wall());
  }

  /** From now on rounds begin by themselves. */
  start(): void {
    this.#endTicks = this.#ports.clock.every(tickMs, () => this.#tick());
  }

  /** Ends rounds that are under way, and gives their leases back. */
  async stop(): Promise<void> {
    this.#endTicks?.();
    this.#stopping.abort(new Error('The process stops.'));
    await Promise.all(this.shards.map(({ running }) => running));
  }

  hear(status: NodeStatus): void {
    const { heard } = this.#ports;
    heard.heard(status, this.now);
    for (const shard of this.shards) {
      const replica = status.shards.find((candidate) => candidate.shard === shard.shard);
      if (replica) this.#hearReplica(shard, status.node, replica);
      else shard.standings.delete(status.node);
    }
  }

  #hearReplica(shard: HealerShard, node: string, replica: ReplicaStatus): void {
    const drifted = !isSound(replica);
    const isNews = drifted && this.rounds.proofs.driftSeen(shard.shard, node, this.now);
    const standing = whyNotComparable(replica) !== undefined ? 'absent' : drifted ? 'drifted' : 'sound';
    const before = shard.standings.get(node) ?? 'absent';
    shard.standings.set(node, standing);
    const soon = Math.max(this.now, shard.endedAt + restMs);
    if (isNews || (standing === 'drifted' && before !== 'drifted')) {
      shard.due = dueAtOnce(shard.due, 'drift', soon);
    } else if (standing === 'sound' && before === 'absent' && this.rounds.last.has(shard.shard)) {
      shard.due = dueAtOnce(shard.due, 'again', soon);
    }
  }

  /** One that fell silent has to be looked at again when it comes back. */
  #forgetSilent(): void {
    const alive = new Set(this.#ports.heard.allFresh(this.now).map(({ node }) => node));
    for (const { standings } of this.shards) {
      for (const node of standings.keys()) if (!alive.has(node)) standings.delete(node);
    }
  }

  #tick(): void {
    this.#forgetSilent();
    const now = this.now;
    const waiting = this.shards.filter(({ due, running }) => due.at <= now && running === undefined);
    for (const shard of waiting.toSorted((a, b) => a.due.at - b.due.at)) {
      if (this.#running >= this.#config.roundsMax) return;
      if (shard.due.cause === 'schedule' && this.isQuiet) continue;
      this.#begin(shard);
    }
  }

  get #running(): number {
    return this.shards.filter(({ running }) => running !== undefined).length;
  }

  #begin(shard: HealerShard): void {
    const { due } = shard;
    void this.#round(shard, due.cause, false).then((done) => {
      // What was heard while the round went on may have made the shard due again.
      if (shard.due === due) shard.due = this.#nextDue(due, done);
    });
  }

  #nextDue(due: Due, done: RoundDone | undefined): Due {
    const now = this.now;
    if (!done) return { ...due, at: now + leaseRetryMs };
    return dueAfter(due, endOf(done), now, this.#ports.dice(), this.#config);
  }

  /** A round, when no other is at the shard in this process; undefined when another process is. */
  async #round(
    shard: HealerShard,
    cause: RoundOrder['cause'],
    dryRun: boolean,
  ): Promise<RoundDone | undefined> {
    const order = { shard: shard.shard, cause, dryRun, signal: this.#stopping.signal };
    const round = this.rounds.run(order).catch((error: unknown) => {
      // Without an answer nothing is known of the lease; it is asked for again.
      if (!(error instanceof Unanswered)) throw error;
      this.#ports.logger.debug({ shard: shard.shard, err: error }, 'the round lease cannot be asked for');
      return undefined;
    });
    shard.running = round;
    try {
      const done = await round;
      if (done) this.#tell(done);
      return done;
    } finally {
      shard.running = undefined;
      shard.endedAt = this.now;
    }
  }

  /** Rounds at once, one after the other. Throws `not-found` when there is no such shard. */
  async run({ shard, dryRun }: RunBody): Promise<RunAnswer> {
    const asked = shard === undefined ? this.shards : this.shards.filter((one) => one.shard === shard);
    if (asked.length === 0) {
      throw new DriftlessError('not-found', `The cluster has the shards 0 to ${this.shards.length - 1}.`);
    }
    const reports: RoundReport[] = [];
    for (const one of asked) reports.push(await this.#runAsked(one, dryRun));
    return { outcome: overall(reports.map(({ outcome }) => outcome)), rounds: reports };
  }

  async #runAsked(shard: HealerShard, dryRun: boolean): Promise<RoundReport> {
    const { clock } = this.#ports;
    const deadline = this.now + this.#config.roundLeaseWaitMs;
    for (;;) {
      await shard.running;
      const done = shard.running === undefined ? await this.#round(shard, 'asked', dryRun) : undefined;
      if (done) return done.report;
      if (this.now >= deadline || this.#stopping.signal.aborted) return this.#notRun(shard, dryRun);
      await clock.sleep(leaseRetryMs);
    }
  }

  #notRun({ shard }: HealerShard, dryRun: boolean): RoundReport {
    const reason = 'Another process works on the shard, or NATS does not answer.';
    const startedAt = new Date(this.#ports.clock.wall()).toISOString();
    return {
      shard,
      by: this.#config.instance,
      cause: 'asked',
      dryRun,
      outcome: 'not-comparable',
      reason,
      members: [],
      pairs: [],
      startedAt,
      tookMs: 0,
    };
  }

  #tell({ report, trace }: RoundDone): void {
    const { shard, cause, outcome, reason, pairs, tookMs } = report;
    const healed = pairs.reduce((sum, { counts }) => sum + counts.healed + counts.leaves, 0);
    const { logger } = this.#ports;
    const fields = {
      shard,
      cause,
      outcome,
      ...(reason !== undefined && { reason }),
      healed,
      tookMs,
      ...trace,
    };
    if (outcome === 'equal' && healed === 0) logger.debug(fields, 'all replicas are equal');
    else if (outcome === 'equal') logger.info(fields, 'drift was healed: all replicas are equal');
    else if (outcome === 'different') logger.warn(fields, 'a round left something');
    else logger.info(fields, 'not all replicas could be compared');
  }
}

function endOf({ report, progress }: RoundDone): RoundEnd {
  if (report.outcome === 'equal') return 'settled';
  return progress ? 'progress' : 'vain';
}
