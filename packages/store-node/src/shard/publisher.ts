/**
 * The shell of the outbox (core/outbox.ts): publishes committed batches, asks for the stream's end when an
 * answer was not clear, and moves the shard's cursor as the stream confirms.
 */
import { decodeBatch } from '@driftless/contracts';
import {
  type OutboxBatch,
  type OutboxEvent,
  type OutboxLimits,
  type OutboxState,
  type OutboxStep,
  startOutbox,
  stepOutbox,
} from '../core/outbox.ts';
import { Missing } from '../jetstream/port.ts';
import type { ShardContext } from './context.ts';
import type { BatchTrace } from './traces.ts';

export interface PublisherHooks {
  /** The stream has confirmed more of the log. */
  onConfirmed(): void;
  /** Another epoch has begun on the stream, or the stream is not the one that ours began on. */
  onDeposed(): void;
}

/** A batch as it goes out. */
export interface EncodedEvent {
  event: Uint8Array;
  /** Somebody waits for followers to have it on disk. */
  prompt: boolean;
  trace: BatchTrace | undefined;
}

export class Publisher {
  readonly #context: ShardContext;
  readonly #hooks: PublisherHooks;
  /** Events not confirmed, by their first seq: what was just encoded needs no reading back. */
  readonly #events = new Map<number, EncodedEvent>();
  readonly #limits: OutboxLimits;
  #outbox: OutboxState;

  /** Begins with what the log has past the last confirmed seq. */
  constructor(context: ShardContext, epoch: number, hooks: PublisherHooks) {
    this.#context = context;
    this.#hooks = hooks;
    this.#limits = context.stream.pipelines ? context.limits : { publishesInFlightMax: 1 };
    const { confirmedSeq: seq, streamSeq } = context.state;
    const start = startOutbox(epoch, { seq, streamSeq }, outboxOf(context, seq), this.#limits);
    this.#outbox = start.state;
    this.#run(start);
  }

  get isEmpty(): boolean {
    return this.#outbox.pending.length === 0;
  }

  /** What is committed now is published at once. */
  get hasRoom(): boolean {
    return this.#outbox.pending.length < this.#limits.publishesInFlightMax;
  }

  committed(batch: OutboxBatch, encoded: EncodedEvent): void {
    this.#events.set(batch.firstSeq, encoded);
    this.#step({ type: 'committed', batch });
  }

  /** Nothing is published any more; late answers change nothing. */
  end(): void {
    this.#outbox = { ...this.#outbox, phase: 'deposed' };
  }

  #step(event: OutboxEvent): void {
    this.#run(stepOutbox(this.#outbox, event, this.#limits));
  }

  #run({ state, effects }: OutboxStep): void {
    this.#outbox = state;
    const context = this.#context;
    for (const effect of effects) {
      switch (effect.type) {
        case 'publish':
          void this.#publish(effect.round, effect.batch, effect.expectedStreamSeq);
          break;
        case 'probe':
          void this.#probe(effect.round, effect.again);
          break;
        case 'reload':
          this.#step({ type: 'reloaded', round: effect.round, batches: outboxOf(context, effect.afterSeq) });
          break;
        case 'went-back':
          context.logger.error({ shard: context.shard, ...effect }, 'the stream went back; publishing again');
          break;
        case 'confirmed':
          this.#confirm(effect.seq, effect.streamSeq);
          break;
        case 'deposed':
          context.instruments.fenced.add(1, { shard: String(context.shard) });
          this.#hooks.onDeposed();
          break;
      }
    }
  }

  #confirm(seq: number, streamSeq: number): void {
    const context = this.#context;
    context.moveCursor({ confirmedSeq: Math.max(seq, context.state.confirmedSeq), streamSeq });
    for (const firstSeq of this.#events.keys()) {
      if (firstSeq > seq) break;
      this.#events.delete(firstSeq);
    }
    this.#hooks.onConfirmed();
  }

  /**
   * No fence of ours stands on another stream: the epoch ends here, and whoever leads next begins one there.
   */
  #streamIsLost(how: string): void {
    const { logger, shard } = this.#context;
    if (this.#outbox.phase === 'deposed') return;
    logger.error({ shard, how }, 'the stream is lost; stepping down');
    this.end();
    this.#hooks.onDeposed();
  }

  async #publish(round: number, batch: OutboxBatch, expectedStreamSeq: number): Promise<void> {
    const { stream, store, logger, shard } = this.#context;
    const { firstSeq } = batch;
    const kept = this.#events.get(firstSeq);
    const event = kept?.event ?? soundEvent(store.logAt(firstSeq)?.event);
    if (!event) {
      this.#context.halt(`The batch at seq ${firstSeq} of the log is damaged or missing.`);
      return;
    }
    const traced = kept?.trace?.publishing(shard);
    try {
      const { streamSeq } = await stream.publish({
        event,
        ...batch,
        expectedStreamSeq,
        prompt: kept?.prompt ?? false,
        trace: traced?.trace,
      });
      traced?.span.end();
      this.#step({ type: 'published', round, firstSeq, streamSeq });
    } catch (error) {
      traced?.span.fail('unclear');
      traced?.span.end();
      const fields = { shard, firstSeq, ...traced?.span.fields };
      logger.debug({ ...fields, err: error }, 'a publish got no clear answer');
      this.#step({ type: 'unclear', round });
    }
  }

  async #probe(round: number, again: boolean): Promise<void> {
    const { stream, limits, logger, shard, clock } = this.#context;
    if (again) await clock.sleep(limits.retryDelayMs);
    try {
      const { createdAt, ...end } = await stream.end();
      if (createdAt !== this.#context.state.streamCreatedAt) this.#streamIsLost('it was made anew');
      else this.#step({ type: 'probed', round, end });
    } catch (error) {
      if (error instanceof Missing) return this.#streamIsLost('it is not there');
      logger.debug({ shard, err: error }, 'the end of the stream cannot be read');
      this.#step({ type: 'probe-failed', round });
    }
  }
}

/** Batches of the log after `afterSeq`. */
function outboxOf(context: ShardContext, afterSeq: number): OutboxBatch[] {
  return context.store
    .log(afterSeq, Number.POSITIVE_INFINITY)
    .map(({ epoch, firstSeq, lastSeq }) => ({ epoch, firstSeq, lastSeq }));
}

/** What comes out of the log is sealed: a row that has rotted must not reach the stream. */
function soundEvent(event: Uint8Array | undefined): Uint8Array | undefined {
  try {
    if (event) decodeBatch(event);
    return event;
  } catch {
    return undefined;
  }
}
