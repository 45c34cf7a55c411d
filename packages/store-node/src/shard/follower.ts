/**
 * The shell of a follower: takes events from the stream, applies each in one transaction, acks it after the
 * commit. Events are judged in order by the core; what can't be applied at once (a gap, orphans) holds the
 * queue until a peer has helped. Nothing is acked and skipped: a replica that can't go on halts, and shows
 * it.
 */
import { Buffer } from 'node:buffer';
import { type Batch, decodeBatch, EnvelopeError, lastSeqOf } from '@driftless/contracts';
import { applyBatch, endOfEpoch, judge } from '../core/apply.ts';
import { planCut, touchedKeys } from '../core/cut.ts';
import { type Entry, makeEntry } from '../core/entry.ts';
import type { Consumption, StreamMessage } from '../jetstream/port.ts';
import type { ShardContext } from './context.ts';
import type { LogPage, RowsPage } from './peers.ts';

export class Follower {
  readonly #context: ShardContext;
  readonly #onApplied: (prompt: boolean) => void;
  #queue: StreamMessage[] = [];
  #consumption: Consumption | undefined;
  /** Grows with every start and stop, so that late callbacks of an earlier life are known. */
  #life = 0;
  #draining = false;

  /**
   * `onApplied` is called after each burst that moved the position or the cursor; `prompt`: a client waits for
   * this replica to have it on disk.
   */
  constructor(context: ShardContext, onApplied: (prompt: boolean) => void) {
    this.#context = context;
    this.#onApplied = onApplied;
  }

  start(): void {
    this.#life += 1;
    void this.#consume(this.#life);
  }

  stop(): void {
    this.#life += 1;
    this.#queue = [];
    const consumption = this.#consumption;
    this.#consumption = undefined;
    void consumption?.stop();
  }

  get #dead(): (life: number) => boolean {
    return (life) => life !== this.#life || this.#context.halted !== undefined;
  }

  async #consume(life: number): Promise<void> {
    const context = this.#context;
    while (!this.#dead(life)) {
      try {
        const { createdAt, lastStreamSeq } = await context.stream.ensure();
        if (this.#dead(life)) return;
        const known = context.state.streamCreatedAt;
        if (known !== '' && known !== createdAt) return this.#halt('The stream was recreated.');
        if (lastStreamSeq < context.state.streamSeq) return this.#halt('The stream went back.');
        if (known === '') context.moveCursor({ streamCreatedAt: createdAt });
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

  #ended(life: number, error: Error): void {
    if (this.#dead(life)) return;
    const { logger, shard } = this.#context;
    logger.warn({ shard, err: error }, 'the consumer ended; consuming anew');
    this.stop();
    this.start();
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, this.#context.limits.retryDelayMs));
  }

  #receive(life: number, message: StreamMessage): void {
    if (this.#dead(life)) return;
    this.#queue.push(message);
    if (this.#draining) return;
    this.#draining = true;
    setImmediate(() => void this.#drain(life));
  }

  /** Applies what has come, giving way to other work between bursts. */
  async #drain(life: number): Promise<void> {
    try {
      while (this.#queue.length > 0 && !this.#dead(life)) {
        const burst = this.#queue.splice(0, this.#context.limits.applyBurst);
        for (const message of burst) {
          if (this.#dead(life)) return;
          await this.#process(life, message);
        }
        this.#onApplied(burst.some(({ prompt }) => prompt));
        await new Promise(setImmediate);
      }
    } finally {
      this.#draining = false;
      // A restart meanwhile may have queued messages that found this drain still running.
      const first = this.#queue.shift();
      if (first) this.#requeue(first);
    }
  }

  #requeue(message: StreamMessage): void {
    this.#queue.unshift(message);
    this.#draining = true;
    const life = this.#life;
    setImmediate(() => void this.#drain(life));
  }

  async #process(life: number, message: StreamMessage): Promise<void> {
    const batch = this.#decode(message);
    if (!batch) return;
    const context = this.#context;
    context.lag.heard(lastSeqOf(batch), context.clock.monotonic());
    while (!this.#dead(life)) {
      const verdict = judge(batch, context.shard, context.state.applied);
      switch (verdict.kind) {
        case 'apply':
          this.#apply(batch, message.event, { seq: message.streamSeq });
          return message.ack();
        case 'duplicate':
          return this.#skip(batch, message);
        case 'halt':
          return this.#halt(verdict.reason);
        case 'gap':
          context.counts.gaps += 1;
          context.instruments.gaps.add(1, { shard: String(context.shard) });
          await this.#catchUp(life, batch.firstSeq - 1);
          break;
        case 'orphans':
          await this.#cut(life, verdict.afterSeq);
          break;
      }
    }
  }

  #decode(message: StreamMessage): Batch | undefined {
    try {
      return decodeBatch(message.event);
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error;
      const context = this.#context;
      const { streamSeq, event } = message;
      const kept = { kind: 'event' as const, name: String(streamSeq), reason: error.message, bytes: event };
      context.commit({
        entries: [],
        leafXors: new Map(),
        answers: [],
        quarantine: [kept],
        state: context.state,
      });
      this.#halt(`Event ${streamSeq} of the stream is damaged: ${error.message}`);
      return undefined;
    }
  }

  #apply(batch: Batch, event: Uint8Array, stream: { seq: number } | undefined): void {
    const context = this.#context;
    const { store, instruments, clock } = context;
    const startedAt = clock.monotonic();
    const applied = applyBatch(batch, event, context.state, (key) => store.get(key), stream);
    context.commit(applied.change, 'written');
    const { applied: at } = context.state;
    for (const { reason, key } of applied.found) {
      context.noteDrift({ at, reason: driftReasons[reason], ...(key !== undefined && { key }) });
    }
    if (applied.equalAgain) {
      context.logger.info({ shard: context.shard, at }, 'roots are equal again');
    }
    const result = applied.found.length > 0 ? 'drifted' : 'applied';
    instruments.applied(context.shard, result, batch.ops.length, clock.monotonic() - startedAt);
    instruments.lagAtApply(context.shard, Math.max(0, clock.wall() - batch.committedAt));
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
    context.moveCursor({ streamSeq: message.streamSeq, confirmedSeq });
    context.instruments.applied(context.shard, 'duplicate', batch.ops.length, 0);
    message.ack();
  }

  /**
   * Reads the log of a peer until `untilSeq` is applied; tries the leader first, then the others, for ever.
   */
  async #catchUp(life: number, untilSeq: number): Promise<void> {
    const context = this.#context;
    while (!this.#dead(life) && context.state.applied.seq < untilSeq) {
      let answered = false;
      for (const peer of this.#peersInTurn()) {
        const page = await context.peers.log(
          peer,
          context.shard,
          context.state.applied.seq,
          context.limits.catchUpBytesMax,
        );
        if (this.#dead(life)) return;
        if (!page) continue;
        answered = true;
        const end = endOfEpoch(context.state.applied.epoch, page.epochs);
        if (end !== undefined && end < context.state.applied.seq) return this.#cut(life, end);
        if (this.#applyPage(page)) break;
      }
      if (context.state.applied.seq >= untilSeq) return;
      if (answered && !this.#dead(life)) {
        context.logger.warn({ shard: context.shard, untilSeq }, 'no peer has had the missing log so far');
      }
      await this.#pause();
    }
  }

  /** Whether the page led us on. */
  #applyPage(page: LogPage): boolean {
    const context = this.#context;
    if (page.firstSeq !== undefined && page.firstSeq > context.state.applied.seq + 1) {
      this.#halt(`The log after seq ${context.state.applied.seq} was trimmed: a snapshot is needed.`);
      return false;
    }
    const before = context.state.applied.seq;
    for (const event of page.events) {
      const batch = decodeBatch(event);
      const verdict = judge(batch, context.shard, context.state.applied);
      if (verdict.kind === 'duplicate') continue;
      if (verdict.kind !== 'apply') break;
      this.#apply(batch, event, undefined);
    }
    return context.state.applied.seq > before;
  }

  #peersInTurn(): string[] {
    const { leader, members, node } = this.#context;
    const others = members.filter((member) => member !== node && member !== leader);
    return leader !== undefined && leader !== node ? [leader, ...others] : others;
  }

  /** Cuts our orphans off, with the rows of a peer that is in the new history already. */
  async #cut(life: number, afterSeq: number): Promise<void> {
    const context = this.#context;
    context.restoring = true;
    try {
      const orphaned = context.store
        .log(afterSeq, Number.POSITIVE_INFINITY)
        .map((row) => decodeBatch(row.event));
      const keys = touchedKeys(orphaned);
      const found = await this.#rowsFrom(life, keys);
      if (!found || this.#dead(life)) return;
      const rows = new Map(found.rows.map(({ row, value }) => [row.key, entryOf(row, value)]));
      const { store, state } = context;
      const change = planCut({
        state,
        afterSeq,
        epochs: store.epochs(),
        orphaned,
        lookup: (key) => store.get(key),
        rows,
      });
      context.commit(change);
      const operations = change.cut?.orphans.length ?? 0;
      context.instruments.orphans.add(operations, { shard: String(context.shard) });
      context.logger.warn(
        { shard: context.shard, afterSeq, operations },
        'cut orphans off the end of the log',
      );
    } finally {
      context.restoring = false;
    }
  }

  async #rowsFrom(life: number, keys: readonly string[]): Promise<RowsPage | undefined> {
    const context = this.#context;
    const ours = context.state.applied.epoch;
    while (!this.#dead(life)) {
      for (const peer of this.#peersInTurn()) {
        const page = await context.peers.rows(peer, context.shard, keys);
        // Only a peer that has seen the next epoch begin is in the new history.
        if (page && page.position.epoch > ours) return page;
      }
      await this.#pause();
    }
    return undefined;
  }

  #halt(reason: string): void {
    const context = this.#context;
    context.halted = reason;
    context.logger.error({ shard: context.shard, reason }, 'this replica has halted');
    this.stop();
    this.#onApplied(false);
  }
}

const driftReasons = {
  before: 'The root before an event is not the one that the event was made on.',
  after: 'An event did not lead to the root that it carries.',
  row: "A row's bytes did not have its digest when an event overwrote it.",
};

function entryOf(row: RowsPage['rows'][number]['row'], value: Uint8Array): Entry {
  const { key, version, tombstone, type: contentType, expiresAt } = row;
  return makeEntry({ key, ...version, tombstone, value, contentType, expiresAt });
}
