/**
 * Runs rounds, each under the round lease of its shard, and keeps what they found. It keeps nothing on disk:
 * what it knows it was told by nodes, and what it forgets by dying costs a round.
 */
import type { ComparisonOutcome, RoundCause, RoundReport } from '@driftless/contracts';
import type { Clock, HeardNodes, Logger, TraceFields, Tracing } from '@driftless/runtime';
import { ladderLimits } from '../core/ladder.ts';
import { planRound, type RoundPlan } from '../core/plan-round.ts';
import { Ladders, type Moved } from './ladders.ts';
import type { HealerInstruments, Nodes } from './ports.ts';
import { Proofs } from './proofs.ts';
import { type RoundResult, runRound } from './round.ts';
import type { RoundLeases } from './round-leases.ts';
import { RoundTrace } from './round-trace.ts';

export interface RoundsPorts {
  clock: Clock;
  nodes: Nodes;
  leases: Pick<RoundLeases, 'take'>;
  instruments: HealerInstruments;
  /** What nodes tell of themselves. */
  heard: HeardNodes;
  logger: Logger;
  /** Undefined where tracing is off. */
  tracing?: Tracing | undefined;
}

export interface RoundsConfig {
  instance: string;
  roundKeysMax: number;
  roundBytesMax: number;
  /** More differing keys than these are not healed one by one. */
  copyAboveKeys: number;
}

export interface RoundOrder {
  shard: number;
  cause: RoundCause;
  dryRun: boolean;
  /** Ends it. */
  signal: AbortSignal;
}

export interface RoundDone {
  report: RoundReport;
  progress: boolean;
  /** What lines of the log about it carry. */
  trace: TraceFields | undefined;
}

export class Rounds {
  readonly ladders: Ladders;
  readonly proofs = new Proofs();
  readonly last = new Map<number, RoundReport>();
  readonly #config: RoundsConfig;
  readonly #ports: RoundsPorts;
  /** Of the rounds under way, by shard. */
  readonly #traces = new Map<number, RoundTrace>();

  constructor(config: RoundsConfig, ports: RoundsPorts) {
    this.#config = config;
    this.#ports = ports;
    this.ladders = new Ladders({
      limits: { ...ladderLimits, keysMax: config.copyAboveKeys },
      now: () => ports.clock.monotonic(),
      onMoved: (moved) => this.#tellMoved(moved),
    });
  }

  /** Undefined while another process works on the shard. Throws `Unanswered` without word of the lease. */
  async run(order: RoundOrder): Promise<RoundDone | undefined> {
    const { clock, heard, leases, nodes, tracing } = this.#ports;
    const { shard, dryRun } = order;
    const { ladders } = this;
    const lease = await leases.take(shard);
    if (!lease) return undefined;
    const startedAt = new Date(clock.wall()).toISOString();
    const began = clock.monotonic();
    const trace = tracing && new RoundTrace(tracing, order);
    if (trace) this.#traces.set(shard, trace);
    try {
      const plan = planRound(shard, heard.allFresh(began));
      const signal = AbortSignal.any([order.signal, lease.lost]);
      const { roundKeysMax: keysMax, roundBytesMax: bytesMax } = this.#config;
      const budget = { keysMax, bytesMax };
      const result = await runRound({ shard, plan, dryRun, budget, nodes, ladders, signal, trace });
      const tookMs = clock.monotonic() - began;
      const report = this.#reportOf(order, plan, result, startedAt, tookMs);
      this.#keep(report);
      return { report, progress: result.progress, trace: trace?.ended(report) };
    } finally {
      this.#traces.delete(shard);
      await lease.release();
    }
  }

  #reportOf(
    { shard, cause, dryRun }: RoundOrder,
    { members }: RoundPlan,
    { progress: _, ...result }: RoundResult,
    startedAt: string,
    tookMs: number,
  ): RoundReport {
    const by = this.#config.instance;
    return { shard, by, cause, dryRun, members: [...members], ...result, startedAt, tookMs };
  }

  #tellMoved({ shard, node, from, to, reason }: Moved): void {
    const { logger } = this.#ports;
    const fields = { shard, node, from, to, reason, ...this.#traces.get(shard)?.moved() };
    if (to === 'operator') logger.error(fields, 'a replica needs a person: it does not come to equal leaves');
    else logger.warn(fields, 'a replica is on another rung of the ladder');
  }

  #keep(report: RoundReport): void {
    const { clock, instruments } = this.#ports;
    const { shard, members, pairs } = report;
    this.last.set(shard, report);
    if (members.length > 0) this.proofs.keepOnly(shard, members);
    for (const pair of pairs) {
      const healed = this.proofs.proven(shard, pair, clock.monotonic(), clock.wall());
      for (const ms of healed) instruments.healed(ms / 1000);
    }
    instruments.roundEnded(report);
  }
}

const severity: Record<ComparisonOutcome, number> = { equal: 0, 'not-comparable': 1, different: 2 };

/** What several rounds come to: something different tells more than something that was not compared. */
export function overall(outcomes: readonly ComparisonOutcome[]): ComparisonOutcome {
  return outcomes.toSorted((a, b) => severity[b] - severity[a])[0] ?? 'not-comparable';
}
