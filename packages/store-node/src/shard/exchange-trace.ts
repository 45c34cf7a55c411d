/**
 * The spans of an exchange, on the node that compares itself: `exchange`, and in it `compare` and `heal` by
 * turns. They are kept where the round is sampled, and where something was found: nobody knows that before.
 */
import { type ExchangeAnswer, type ExchangeHeader, parseTraceparent } from '@driftless/contracts';
import { type HeldSpans, type TraceFields, type TraceSpan, tellOutcome } from '@driftless/runtime';
import { codeOf, type Traces } from './traces.ts';

export class ExchangeTrace {
  readonly #held: HeldSpans;
  #comparing: TraceSpan;

  private constructor(held: HeldSpans) {
    this.#held = held;
    this.#comparing = held.root.child('compare');
  }

  /** Undefined where tracing is off, here or at whoever asks for the exchange. */
  static begin(
    traces: Traces | undefined,
    traceparent: unknown,
    { with: peer, mode }: ExchangeHeader,
    shard: number,
  ): ExchangeTrace | undefined {
    const parent = parseTraceparent(traceparent);
    if (traces === undefined || parent === undefined) return undefined;
    const attributes = { 'driftless.shard': shard, 'driftless.peer': peer, 'driftless.mode': mode };
    return new ExchangeTrace(traces.tracing.hold('exchange', parent, { role: 'server', attributes }));
  }

  /** `work` changes our replica. */
  async healing<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#comparing.end();
    const heal = this.#held.root.child('heal');
    try {
      return await work();
    } finally {
      heal.end();
      this.#comparing = this.#held.root.child('compare');
    }
  }

  /** What lines of the log about it carry; undefined where its spans are not kept. */
  ended({ outcome, counts, position }: ExchangeAnswer): TraceFields | undefined {
    const { root } = this.#held;
    root.set({
      'driftless.outcome': outcome,
      'driftless.epoch': position?.epoch,
      'driftless.last_seq': position?.seq,
      'driftless.keys_compared': counts.compared,
      'driftless.keys_found': counts.found,
      'driftless.keys_healed': counts.healed,
      'driftless.leaves_healed': counts.leaves,
    });
    return this.#settle(counts.found + counts.healed + counts.leaves > 0 || outcome === 'different');
  }

  failed(error: unknown): void {
    tellOutcome(this.#held.root, codeOf(error));
    this.#settle(false);
  }

  #settle(news: boolean): TraceFields | undefined {
    const { root } = this.#held;
    this.#comparing.end();
    root.end();
    return this.#held.settle(news) ? root.fields : undefined;
  }
}
