/**
 * The spans of a round: the round itself, and each exchange that it asks nodes for, who hang theirs under it.
 * They are kept where chance takes the round, and always where something was found or left: that shows only
 * at the end.
 */
import { type ExchangeAnswer, problemOf, type RoundReport } from '@driftless/contracts';
import { type HeldSpans, type TraceFields, type Tracing, tellOutcome } from '@driftless/runtime';

export interface TracedExchange {
  /** What the node is told. */
  traceparent: string;
  answered(answer: ExchangeAnswer): void;
  failed(error: unknown): void;
}

export class RoundTrace {
  readonly #held: HeldSpans;
  #news = false;

  constructor(tracing: Tracing, order: Pick<RoundReport, 'shard' | 'cause' | 'dryRun'>) {
    const attributes = {
      'driftless.shard': order.shard,
      'driftless.cause': order.cause,
      'driftless.dry_run': order.dryRun,
    };
    this.#held = tracing.hold('round', undefined, { attributes });
  }

  exchange(node: string, peer: string, mode: string): TracedExchange {
    const attributes = { 'driftless.node': node, 'driftless.peer': peer, 'driftless.mode': mode };
    const span = this.#held.root.child('ask for an exchange', { role: 'client', attributes });
    return {
      traceparent: span.traceparent,
      answered: ({ outcome, counts }) => {
        this.#news ||= counts.found + counts.healed + counts.leaves > 0;
        span.set({ 'driftless.outcome': outcome });
        span.end();
      },
      failed: (error) => {
        tellOutcome(span, problemOf(error).code);
        span.end();
      },
    };
  }

  /** A replica went to another rung of the ladder: that is told, and so is the round. */
  moved(): TraceFields {
    this.#news = true;
    return this.#held.root.fields;
  }

  /** What lines of the log about it carry; undefined where its spans are not kept. */
  ended({ outcome, members }: Pick<RoundReport, 'outcome' | 'members'>): TraceFields | undefined {
    const { root } = this.#held;
    root.set({ 'driftless.outcome': outcome, 'driftless.members': members.length });
    root.end();
    return this.#held.settle(this.#news || outcome === 'different') ? root.fields : undefined;
  }
}
