/**
 * The shell of a follower: takes events from the stream, applies each in one transaction, acks it after the
 * commit. Events are judged in order by the core; what can't be applied at once (a gap, orphans) holds the
 * queue until a peer has helped (peer-repair.ts). Nothing is acked and skipped: a replica that can't go on
 * halts, and shows it.
 */
import { Buffer } from 'node:buffer';
import { type Batch, decodeBatch, EnvelopeError, lastSeqOf } from '@driftless/contracts';
import type { TraceSpan } from '@driftless/runtime';
import { judge } from '../core/apply.ts';
import { changeOf } from '../core/change.ts';
import type { Consumption, StreamMessage } from '../jetstream/port.ts';
import { applyEvent } from './apply-event.ts';
import type { ShardContext } from './context.ts';
import { PeerRepair } from './peer-repair.ts';
import { checkPosition } from './self-check.ts';

export class Follower {
  readonly #context: ShardContext;
  readonly #onApplied: (prompt: boolean) => void;
  readonly #repair: PeerRepair;
  #queue: StreamMessage[] = [];
  /** Applied, but not told to JetStream: that waits for the disk. */
  #applied: StreamMessage[] = [];
  /** Of those that are traced. */
  #spans: TraceSpan[] = [];
  #consumption: Consumption | undefined;
  /** Grows with every start and stop, so that late callbacks of an earlier life are known. */
  #life = 0;
  #draining = false;

  /**
   * `onApplied` is called after each burst that moved the position or the cursor; `prompt`: a client waits
   * for this replica to have it on disk.
   */
  constructor(context: ShardContext, onApplied: (prompt: boolean) => void) {
    this.#context = context;
    this.#onApplied = onApplied;
    this.#repair = new PeerRepair(context);
  }

  start(): void {
    this.#life += 1;
    void this.#consume(this.#life);
  }

  stop(): void {
    this.#life += 1;
    this.#queue = [];
    this.#applied = [];
    this.#endSpans();
    const consumption = this.#consumption;
    this.#consumption = undefined;
    void consumption?.stop();
  }

  /** Events that came and wait to be applied. */
  get queued(): number {
    return this.#queue.length;
  }

  #dead(life: number): boolean {
    return life !== this.#life || this.#context.halted !== undefined;
  }

  async #consume(life: number): Promise<void> {
    const context = this.#context;
    while (!this.#dead(life)) {
      try {
        if (context.isBlank && !(await this.#repair.bootstrap(() => this.#dead(life)))) {
          await this.#pause();
          continue;
        }
        const { createdAt, lastStreamSeq } = await context.stream.ensure();
        if (this.#dead(life)) return;
        this.#placeCursor(createdAt, lastStreamSeq);
        const consumption = await context.stream.consume({
          fromStreamSeq: context.state.streamSeq + 1,
          onMessage: (message) => this.#receive(life, message),
          onEnd: (error) => this.#ended(life, error),
        });
        if (this.#dead(life)) return void consumption.stop();
        this.#consumption = consumption;
        return;
      } catch (error) {
        context.logger.warn({ shard: context.shard, err: error }, 'cannot consume the stream yet');
        await this.#pause();
      }
    }
  }

  /**
   * A stream that was made anew is followed from its start, one that went back from its end. What we have
   * applied is ours: events that come again are duplicates, and what the stream lost is in the logs.
   */
  #placeCursor(createdAt: string, lastStreamSeq: number): void {
    const { state, logger, shard, instruments } = this.#context;
    const { streamCreatedAt: known, streamSeq } = state;
    if (known === createdAt && lastStreamSeq >= streamSeq) return;
    if (known !== '') {
      logger.error({ shard, known, createdAt, streamSeq, lastStreamSeq }, 'the stream lost what it held');
      instruments.streamLosses.add(1, { shard: String(shard) });
    }
    const from = known === createdAt ? lastStreamSeq : 0;
    this.#context.moveCursor({ streamCreatedAt: createdAt, streamSeq: from });
  }

  /** Makes what was applied durable, and acks it: one sync and one ack for all of it. */
  settle(): void {
    this.#context.save();
    this.#applied.at(-1)?.ack();
    this.#applied = [];
    for (const span of this.#spans) span.event('acked');
    this.#endSpans();
  }

  #endSpans(): void {
    for (const span of this.#spans) span.end();
    this.#spans = [];
  }

  /** Looks at the stream afresh and consumes it from the cursor. */
  restart(): void {
    this.stop();
    this.start();
  }

  /** Applies the logs of peers up to `seq`: for a candidate that knows of a higher position. */
  reach(seq: number, isOver: () => boolean): Promise<void> {
    return this.#repair.reach(seq, () => isOver() || this.#context.halted !== undefined);
  }

  /** Takes a copy of a healthy peer, and follows from there; whether it was done. */
  async bootstrap(): Promise<boolean> {
    this.stop();
    const life = this.#life;
    const done = await this.#repair.bootstrap(() => life !== this.#life);
    if (life === this.#life && this.#context.halted === undefined) this.start();
    return done;
  }

  /** Cuts what our log has after `seq`, which a peer says is the end of our epoch. */
  cut(seq: number, isOver: () => boolean): Promise<void> {
    return this.#repair.cut(seq, () => isOver() || this.#context.halted !== undefined);
  }

  #ended(life: number, error: Error): void {
    if (this.#dead(life)) return;
    const { logger, shard } = this.#context;
    logger.warn({ shard, err: error }, 'the consumer ended; consuming anew');
    this.restart();
  }

  #pause(): Promise<void> {
    return this.#context.clock.sleep(this.#context.limits.retryDelayMs);
  }

  #receive(life: number, message: StreamMessage): void {
    if (this.#dead(life)) return;
    this.#queue.push(message);
    this.#drainSoon();
  }

  #drainSoon(): void {
    if (this.#draining) return;
    this.#draining = true;
    const life = this.#life;
    this.#context.clock.soon(() => void this.#drain(life));
  }

  /** Applies what has come, giving way to other work between bursts. */
  async #drain(life: number): Promise<void> {
    const { clock, limits } = this.#context;
    try {
      while (this.#queue.length > 0 && !this.#dead(life)) {
        const burst = this.#queue.splice(0, limits.applyBurst);
        for (let next = 0; next < burst.length && !this.#dead(life); ) {
          next += this.#applyTogether(burst, next);
          const message = burst[next];
          if (message === undefined) break;
          await this.#process(life, message);
          next += 1;
        }
        if (this.#applied.length >= this.#context.limits.ackEveryEvents) this.settle();
        this.#onApplied(burst.some(({ prompt }) => prompt));
        if (this.#queue.length > 0) await clock.turn();
      }
    } finally {
      this.#draining = false;
      // A restart meanwhile may have queued messages that found this drain still running.
      if (this.#queue.length > 0) this.#drainSoon();
    }
  }

  /**
   * Applies in one transaction the events of a burst, from `first` on, that wait for nothing; how many they
   * were. What can't be read, or is no next event, is left to `#process`.
   */
  #applyTogether(burst: readonly StreamMessage[], first: number): number {
    const context = this.#context;
    checkPosition(context);
    if (context.halted !== undefined) return 0;
    let next = first;
    context.together(() => {
      for (let message = burst[next]; message !== undefined; message = burst[next]) {
        const batch = readable(message);
        if (batch === undefined) return;
        if (judge(batch, context.shard, context.state.applied).kind !== 'apply') return;
        context.lag.seen(lastSeqOf(batch), context.clock.monotonic());
        this.#apply(batch, message, context.traces?.apply(message, batch));
        next += 1;
      }
    });
    return next - first;
  }

  /** An event that may need more than being applied; resolves when it is dealt with. */
  async #process(life: number, message: StreamMessage): Promise<void> {
    const batch = this.#decode(message);
    if (!batch) return;
    const context = this.#context;
    context.lag.seen(lastSeqOf(batch), context.clock.monotonic());
    const span = context.traces?.apply(message, batch);
    for (let waiting = this.#take(life, batch, message, span); waiting; ) {
      await waiting;
      if (this.#dead(life)) return span?.end();
      waiting = this.#take(life, batch, message, span);
    }
  }

  /** What must be done before it can be applied; undefined when there is nothing more to do. */
  #take(
    life: number,
    batch: Batch,
    message: StreamMessage,
    span: TraceSpan | undefined,
  ): Promise<void> | undefined {
    const context = this.#context;
    checkPosition(context);
    const verdict = judge(batch, context.shard, context.state.applied);
    switch (verdict.kind) {
      case 'apply':
        this.#apply(batch, message, span);
        return undefined;
      case 'duplicate':
        this.#keep(span, 'duplicate');
        this.#skip(batch, message);
        return undefined;
      case 'halt':
        span?.fail('internal');
        this.#keep(span, 'halted');
        this.#halt(verdict.reason);
        return undefined;
      case 'gap':
        span?.event('waits for what is missing before it');
        context.counts.gaps += 1;
        context.instruments.gaps.add(1, { shard: String(context.shard) });
        return this.#repair.reach(batch.firstSeq - 1, () => this.#dead(life));
      case 'orphans':
        return this.#repair.cut(verdict.afterSeq, () => this.#dead(life));
    }
  }

  #apply(batch: Batch, message: StreamMessage, span: TraceSpan | undefined): void {
    const context = this.#context;
    const stream = { seq: message.streamSeq };
    const result = context.within(span, () => applyEvent(context, batch, message.event, stream));
    this.#applied.push(message);
    if (span === undefined) return;
    const lagMs = Math.max(0, context.clock.wall() - batch.committedAt);
    span.event(result, { 'driftless.lag_ms': lagMs });
    this.#keep(span, result);
  }

  /** Until the event is acked. */
  #keep(span: TraceSpan | undefined, result: string): void {
    if (span === undefined) return;
    span.set({ 'driftless.result': result });
    this.#spans.push(span);
  }

  #decode(message: StreamMessage): Batch | undefined {
    try {
      return decodeBatch(message.event);
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error;
      const context = this.#context;
      const { streamSeq, event } = message;
      const kept = { kind: 'event' as const, name: String(streamSeq), reason: error.message, bytes: event };
      context.commit(changeOf({ quarantine: [kept], state: context.state }));
      context.instruments.deadLetters.add(1, { shard: String(context.shard) });
      const what = error.reason === 'format' ? 'cannot be read by this version' : 'is damaged';
      this.#halt(`Event ${streamSeq} of the stream ${what}: ${error.message}`, streamSeq);
      return undefined;
    }
  }

  /** Applied before; if it is still in our log, it must be the very same event. */
  #skip(batch: Batch, message: StreamMessage): void {
    const context = this.#context;
    const kept = context.store.logAt(batch.firstSeq);
    if (kept && !Buffer.from(kept.event).equals(message.event)) {
      this.#halt(`The event at seq ${batch.firstSeq} is not the one in the log.`);
      return;
    }
    const confirmedSeq = Math.max(context.state.confirmedSeq, lastSeqOf(batch));
    const streamSeq = Math.max(context.state.streamSeq, message.streamSeq);
    context.moveCursor({ streamSeq, confirmedSeq });
    context.instruments.applied(context.shard, 'duplicate', batch.ops.length, 0);
    this.#applied.push(message);
  }

  #halt(reason: string, streamSeq = 0): void {
    this.#context.halt(reason, streamSeq);
    this.stop();
    this.#onApplied(false);
  }
}

function readable(message: StreamMessage): Batch | undefined {
  try {
    return decodeBatch(message.event);
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    return undefined;
  }
}
