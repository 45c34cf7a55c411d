/**
 * A round of a shard: every member but one compares itself with that one, the reference, and repairs itself
 * (core/plan-round.ts says who with whom). What it does about a replica that does not come to equal leaves is
 * the ladder's business (core/ladder.ts).
 *
 *     for each other member   exchange with the reference
 *       the reference is wrong    it exchanges the other way round; a leader hands over first
 *       not equal                 one rung up, next time
 *     all proven equal        the leader is told where
 */
import {
  comparePositions,
  type Difference,
  type ExchangeAnswer,
  type ExchangeHeader,
  type PairReport,
  type Position,
  type RoundReport,
} from '@driftless/contracts';
import type { RoundPlan } from '../core/plan-round.ts';
import type { Ladders } from './ladders.ts';
import type { Nodes } from './ports.ts';
import type { RoundTrace } from './round-trace.ts';

export interface RoundInput {
  shard: number;
  plan: RoundPlan;
  dryRun: boolean;
  /** Of the whole round. */
  budget: { keysMax: number; bytesMax: number };
  nodes: Nodes;
  ladders: Ladders;
  /** Ends the round: the lease is lost, or the process stops. */
  signal: AbortSignal;
  /** Where rounds are traced. */
  trace?: RoundTrace | undefined;
}

export type RoundResult = Pick<RoundReport, 'outcome' | 'reason' | 'reference' | 'pairs' | 'verified'> & {
  /** Something was healed, or only the budget kept it from being healed. */
  progress: boolean;
};

/** Differences of a pair that are kept in its report. */
const differencesTold = 20;

export async function runRound(input: RoundInput): Promise<RoundResult> {
  return new Round(input).run();
}

class Round {
  readonly #input: RoundInput;
  #keysLeft: number;
  #bytesLeft: number;
  #progress = false;

  constructor(input: RoundInput) {
    this.#input = input;
    this.#keysLeft = input.budget.keysMax;
    this.#bytesLeft = input.budget.bytesMax;
  }

  async run(): Promise<RoundResult> {
    const { plan, signal } = this.#input;
    const { reference, others, absent } = plan;
    if (reference === undefined) return nobody(plan);
    const pairs: PairReport[] = [];
    for (const node of others) {
      pairs.push(
        signal.aborted
          ? notCompared(node, reference, textOf(signal.reason))
          : await this.#pair(node, reference),
      );
    }
    pairs.push(...absent.map(({ node, reason }) => notCompared(node, reference, reason)));
    const { outcome, reason } = sumOf(plan, pairs);
    const verified = outcome === 'equal' && !this.#input.dryRun ? await this.#verify(pairs) : undefined;
    const progress = this.#progress;
    return {
      outcome,
      ...(reason !== undefined && { reason }),
      reference,
      pairs,
      ...(verified && { verified }),
      progress,
    };
  }

  async #pair(node: string, reference: string): Promise<PairReport> {
    try {
      const forth = await this.#exchange(node, reference);
      if (!this.#shouldTurn(forth)) return this.#report(node, reference, forth);
      const { leader } = this.#input.plan;
      if (reference === leader) return await this.#sendLeaderAway(forth);
      const back = await this.#exchange(reference, node, bucketsToKeep(forth));
      // What ours had wrong besides is looked at again, now that the reference is right.
      const last = back.outcome === 'equal' ? back : await this.#exchange(node, reference);
      const counts = addUp([forth, back, ...(last === back ? [] : [last])]);
      return { ...this.#report(node, reference, { ...last, counts, differences: forth.differences }) };
    } catch (error) {
      return notCompared(node, reference, textOf(error));
    }
  }

  /** Rows of the reference are wrong, or nothing is known to be right about it. */
  #shouldTurn({ outcome, left }: ExchangeAnswer): boolean {
    if (this.#input.dryRun || outcome !== 'different') return false;
    return left.keep + left.theirLeaves > 0 || !this.#input.plan.referenceIsSound;
  }

  /** A leader is not healed. It is told to look at its rows: what it finds makes it hand over. */
  async #sendLeaderAway(forth: ExchangeAnswer): Promise<PairReport> {
    const { nodes, shard, signal } = this.#input;
    const buckets = bucketsToKeep(forth);
    await nodes.scrub(forth.with, shard, buckets.length > 0 ? { buckets } : {}, signal);
    const reason = `${forth.with} leads and holds wrong rows: told to look at them, it hands over first.`;
    return { ...this.#report(forth.node, forth.with, forth), reason };
  }

  /** One exchange, within what is left of the budget, on the rung that the replica has come to. */
  async #exchange(node: string, peer: string, buckets: number[] = []): Promise<ExchangeAnswer> {
    const { dryRun, ladders, budget, shard } = this.#input;
    const mayHeal = !dryRun && this.#keysLeft > 0 && this.#bytesLeft > 0;
    const turn = mayHeal ? ladders.turn(shard, node) : undefined;
    if (turn?.kind === 'copy') throw await this.#orderCopy(node, turn.reason);
    const answer = await this.#ask(node, {
      with: peer,
      mode: mayHeal ? 'heal' : 'diff',
      rung: turn?.rung ?? 'key',
      buckets,
      keysMax: mayHeal ? this.#keysLeft : budget.keysMax,
      bytesMax: mayHeal ? this.#bytesLeft : budget.bytesMax,
    });
    const { healed, leaves, bytesShipped } = answer.counts;
    this.#keysLeft -= healed;
    this.#bytesLeft -= bytesShipped;
    this.#progress ||= healed + leaves > 0 || answer.left.budget > 0;
    if (mayHeal) ladders.exchanged(shard, node, answer);
    return answer;
  }

  async #ask(node: string, header: ExchangeHeader): Promise<ExchangeAnswer> {
    const { shard, nodes, signal, trace } = this.#input;
    if (trace === undefined) return nodes.exchange(node, shard, header, signal);
    const traced = trace.exchange(node, header.with, header.mode);
    try {
      const answer = await nodes.exchange(node, shard, header, signal, traced.traceparent);
      traced.answered(answer);
      return answer;
    } catch (error) {
      traced.failed(error);
      throw error;
    }
  }

  /** The replica can't be compared until the copy is there: gives the reason to say so. */
  async #orderCopy(node: string, why: string): Promise<Error> {
    const { shard, nodes, ladders, signal } = this.#input;
    try {
      await nodes.restore(node, shard, signal);
      return new Error(`It takes a copy of another member's file: ${why}`);
    } catch (error) {
      ladders.copyFailed(shard, node, textOf(error));
      return new Error(`It could not take a copy of another member's file: ${textOf(error)}`);
    }
  }

  #report(node: string, reference: string, answer: ExchangeAnswer): PairReport {
    const { outcome, reason, position, root, counts, differences } = answer;
    return {
      node,
      with: reference,
      outcome,
      ...(reason !== undefined && { reason }),
      ...(position && { position }),
      ...(root !== undefined && { root }),
      counts,
      differences: differences.slice(0, differencesTold).map(inShort),
    };
  }

  /**
   * All were equal to the reference, each at a position of its own: at the lowest of them, or later, every
   * member was proven.
   */
  async #verify(pairs: readonly PairReport[]): Promise<Position | undefined> {
    const { nodes, shard, plan, signal } = this.#input;
    const positions = pairs.flatMap(({ position }) => position ?? []);
    const [lowest = plan.referenceAt] = positions.toSorted(comparePositions);
    if (plan.leader === undefined || lowest === undefined) return undefined;
    const header = { position: lowest, members: [...plan.members] };
    // It is told again after the next round: a leader that has just changed loses nothing but time.
    return nodes.verified(plan.leader, shard, header, signal).then(
      () => lowest,
      () => undefined,
    );
  }
}

/** What the pairs come to. A member that could not be compared is never counted as checked. */
function sumOf(plan: RoundPlan, pairs: readonly PairReport[]): Pick<RoundResult, 'outcome' | 'reason'> {
  if (plan.members.length === 1 && !plan.referenceIsSound) {
    return { outcome: 'different', reason: 'It is drifted, and nobody else holds the shard.' };
  }
  const worst =
    pairs.find(({ outcome }) => outcome === 'different') ??
    pairs.find(({ outcome }) => outcome === 'not-comparable');
  if (worst === undefined) return { outcome: 'equal' };
  return { outcome: worst.outcome, reason: `${worst.node}: ${worst.reason ?? 'No reason was given.'}` };
}

function nobody({ members, absent }: RoundPlan): RoundResult {
  const why = absent.map(({ node, reason }) => `${node}: ${reason}`).join(' ');
  const reason = members.length === 0 ? 'No node tells who the members of the shard are.' : why;
  return { outcome: 'not-comparable', reason, pairs: [], progress: false };
}

function notCompared(node: string, reference: string, reason: string): PairReport {
  const outcome = 'not-comparable';
  return { node, with: reference, outcome, reason, counts: addUp([]), differences: [] };
}

/** Buckets in which the peer was found wrong. */
function bucketsToKeep({ differences }: ExchangeAnswer): number[] {
  const kept = differences.filter(({ action }) => action === 'keep');
  return [...new Set(kept.map(({ bucket }) => bucket))];
}

function addUp(answers: readonly ExchangeAnswer[]): PairReport['counts'] {
  const sum = { found: 0, compared: 0, healed: 0, leaves: 0, bytesReceived: 0, bytesShipped: 0 };
  for (const { counts } of answers) {
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += counts[name];
  }
  return sum;
}

function inShort({ key, bucket, action, reason }: Difference): PairReport['differences'][number] {
  return { key, bucket, action, reason };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
