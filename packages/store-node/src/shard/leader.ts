/**
 * The shell of a leader: requests wait a moment, are committed together in one transaction, published in
 * order behind the fence (publisher.ts), and answered at the ack level that each asked for. While one commit
 * blocks, the next requests gather. (Batches grow with the load because gateways gather too: docs/adr/0011.)
 *
 *     queue ──▶ commit ──┬──▶ publish ──▶ confirmed ──┬──▶ answers
 *                        └──▶ sync ─────▶ durable ────┘
 *
 * An event leaves while the disk syncs its commit, and whatever the ack level, the answer waits for the disk
 * (docs/adr/0017). So the stream may have what a leader loses with its power; nobody was told of it.
 */
import {
  type AckLevel,
  type Batch,
  type CollectedEntry,
  DriftlessError,
  encodeBatch,
  lastSeqOf,
  majorityOf,
  type Operation,
  type WriteAnswer,
  xorDigest,
} from '@driftless/contracts';
import { changeOfLeader, type Effect, effectOf } from '../core/change.ts';
import { Convergence } from '../core/convergence.ts';
import type { Entry } from '../core/entry.ts';
import { isBrokenBy } from '../core/mutants.ts';
import { type Plan, planBatch } from '../core/plan.ts';
import { replicatedSeq } from '../core/waits.ts';
import type { ShardContext } from './context.ts';
import { unlessSkipped } from './inject.ts';
import { LeaderWaits } from './leader-waits.ts';
import { type EncodedEvent, Publisher } from './publisher.ts';
import { checkPosition } from './self-check.ts';
import type { BatchTrace, TracedRequest } from './traces.ts';
import { type Waiting, WriteQueue } from './write-queue.ts';

export interface LeaderHooks {
  /** The lease is ours and nobody can have taken it. */
  leaseIsLive(): boolean;
  /** NATS is out of reach, so that nobody can be elected either. */
  natsIsLost(): boolean;
  /** Another epoch has begun on the stream. */
  onDeposed(): void;
  /** Everything committed is confirmed, and every write answered. */
  onDrained(): void;
  /** The log grew. */
  onCommitted(): void;
}

const convergenceLimits = { sampleMs: 10, samplesMax: 1024 };
/** Longest time that a commit is put off so that it takes more, milliseconds. */
const putOffMs = 20;

export class Leader {
  readonly epoch: number;
  readonly #context: ShardContext;
  readonly #hooks: LeaderHooks;
  readonly #waits: LeaderWaits;
  readonly #queue: WriteQueue;
  #flushing = false;
  #syncing = false;
  /** The commit waits for the stream to confirm. */
  #callOff: (() => void) | undefined;
  #accepting = true;
  readonly #publisher: Publisher;
  /** What is known of how far the members are. */
  readonly convergence: Convergence;

  constructor(context: ShardContext, epoch: number, hooks: LeaderHooks) {
    this.#context = context;
    this.#waits = new LeaderWaits(context, epoch);
    this.#hooks = hooks;
    this.#queue = new WriteQueue(context.limits);
    this.epoch = epoch;
    this.convergence = new Convergence(epoch, convergenceLimits);
    this.convergence.committed(context.state.applied.seq, context.clock.monotonic());
    this.#publisher = new Publisher(context, epoch, {
      onConfirmed: () => {
        this.#waits.settle();
        this.#checkDrained();
        if (this.#callOff) this.#takeUp();
      },
      onDeposed: () => hooks.onDeposed(),
    });
  }

  get outboxOps(): number {
    return this.#context.state.applied.seq - this.#context.state.confirmedSeq;
  }

  /** Resolves when the ack level is reached; results that weren't in time say `indeterminate`. */
  write(requests: readonly TracedRequest[], level: AckLevel, timeoutMs: number): Promise<WriteAnswer> {
    if (!this.#accepting) return Promise.reject(notLeader());
    const startedAt = this.#context.clock.monotonic();
    return new Promise((resolve, reject) => {
      this.#queue.add({ requests, level, deadline: startedAt + timeoutMs, startedAt, resolve, reject });
      this.#schedule();
    });
  }

  /**
   * Resolves when the stream has confirmed `seq`, or rejects at the deadline. For reads that must not be
   * provisional.
   */
  confirmed(seq: number, timeoutMs: number): Promise<void> {
    return this.#waits.confirmed(seq, timeoutMs);
  }

  /** A replica told what it has applied durably. */
  heard(): void {
    this.#waits.settle();
    this.#noteConverged();
    this.#checkDrained();
  }

  /** Wait times pass. */
  tick(now: number): void {
    this.#waits.tick(now);
    this.#checkDrained();
  }

  /** Takes no more writes; those committed are still published and answered. */
  drain(): void {
    this.#accepting = false;
    this.#refuseQueue();
    this.#checkDrained();
  }

  /** It was not let go after all. */
  resume(): void {
    this.#accepting = true;
  }

  /** The leadership is over: what waits is indeterminate, what is queued was never begun. */
  end(): void {
    this.#accepting = false;
    this.#refuseQueue();
    this.#waits.abandon();
    this.#publisher.end();
  }

  #schedule(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#context.clock.soon(() => {
      this.#flushing = false;
      if (this.#publisher.hasRoom || this.#queue.isUrgent) this.#flush();
      else this.#putOff();
    });
  }

  /** An event more would wait for the stream: what comes until then goes with it. */
  #putOff(): void {
    this.#callOff ??= this.#context.clock.after(putOffMs, () => this.#flush());
  }

  /** Not at once: the publisher, which tells that there is room, may have more to publish before it. */
  #takeUp(): void {
    this.#endPutOff();
    this.#schedule();
  }

  #endPutOff(): void {
    this.#callOff?.();
    this.#callOff = undefined;
  }

  #flush(): void {
    this.#endPutOff();
    const batch = this.#queue.take();
    if (batch.length === 0) return;
    this.#commit(batch);
    if (!this.#queue.isEmpty) this.#schedule();
  }

  #commit(taken: readonly Waiting[]): void {
    const allowed = taken.filter((waiting) => this.#allow(waiting));
    if (allowed.length === 0) return;
    const requests = allowed.flatMap((waiting) => waiting.requests);
    const trace = this.#context.traces?.batch(requests);
    this.#context.within(trace?.span, () => this.#commitAllowed(allowed, requests, trace));
  }

  #commitAllowed(allowed: readonly Waiting[], requests: readonly TracedRequest[], trace?: BatchTrace): void {
    const context = this.#context;
    checkPosition(context);
    const startedAt = context.clock.monotonic();
    // Rows are looked up in the transaction that writes: a read by itself takes a lock and gives it back.
    const { plan, event } = context.together(() => {
      const planned = this.#plan(requests);
      const { batch, effect, results } = planned;
      if (!batch || effect.corrupt.length > 0) return { plan: planned, event: undefined };
      if (isBrokenBy('ack-before-commit')) this.#waits.answerUnasked(allowed, results);
      return { plan: planned, event: this.#write(batch, effect) };
    });
    const rotten = plan.effect.corrupt[0];
    if (rotten) {
      this.#stepAside(allowed, rotten);
      return;
    }
    if (plan.batch && event) {
      // Only these levels wait for followers: they are asked to sync at once.
      const prompt = allowed.some(({ level }) => level === 'majority' || level === 'all');
      this.#sendOff(plan.batch, { event, prompt, trace }, startedAt);
    }
    this.#waits.written(allowed, plan.results);
  }

  #plan(requests: readonly TracedRequest[]): Plan {
    const { store, shard, state, clock } = this.#context;
    return planBatch({
      requests,
      shard,
      epoch: this.epoch,
      state,
      lookup: (key) => store.head(key),
      row: (key) => store.get(key),
      answerOf: (id) => store.answer(id),
      now: clock.wall(),
    });
  }

  /** Into the log and the rows; the event that tells it. */
  #write(batch: Batch, effect: Effect): Uint8Array {
    const context = this.#context;
    const event = encodeBatch(batch);
    const change = changeOfLeader(context.state, batch, effect, event);
    context.commit(unlessSkipped(context, change, true), 'written');
    return event;
  }

  /** What is written is on its way to the stream, and to the disk. */
  #sendOff(batch: Batch, encoded: EncodedEvent, startedAt: number): void {
    const context = this.#context;
    const { event, trace } = encoded;
    const now = context.clock.monotonic();
    context.instruments.committed(context.shard, batch.ops.length, event.length, now - startedAt);
    const { epoch, firstSeq } = batch;
    const lastSeq = lastSeqOf(batch);
    this.convergence.committed(lastSeq, now);
    trace?.committed(batch, event.length, startedAt);
    this.#publisher.committed({ epoch, firstSeq, lastSeq }, encoded);
    this.#hooks.onCommitted();
    this.#syncSoon();
  }

  /** When what was committed in this turn is on its way to the stream. */
  #syncSoon(): void {
    if (this.#syncing) return;
    this.#syncing = true;
    this.#context.clock.soon(() => {
      this.#syncing = false;
      if (this.#context.isClosed) return;
      this.#context.sync();
      this.#waits.settle();
      this.#noteConverged();
      this.#checkDrained();
    });
  }

  /**
   * The shard's next replica set, in force from its own record on. Whoever asks has seen that the last one is
   * settled (core/reconcile.ts).
   */
  changeMembers(members: string[]): void {
    if (!this.#accepting || !this.#hooks.leaseIsLive()) return;
    this.#waits.changeMembers(members);
    this.#record({ op: 'members-changed', members }, true);
  }

  /**
   * Removes rows for good, by a record of its own; whether that was done. Whoever asks has seen that they may
   * go (core/collect.ts).
   */
  collect(entries: CollectedEntry[]): boolean {
    const isFull = this.outboxOps > this.#context.limits.outboxOpsMax;
    if (!this.#accepting || isFull || !this.#hooks.leaseIsLive()) return false;
    return this.#record({ op: 'collected', entries }, false);
  }

  /** An operation that no client asked for, as a batch of its own; whether it is in the log. */
  #record(operation: Operation, prompt: boolean): boolean {
    checkPosition(this.#context);
    const { shard, state, clock, store, halted } = this.#context;
    if (halted !== undefined) return false;
    const startedAt = clock.monotonic();
    const { epoch } = this;
    const firstSeq = state.applied.seq + 1;
    const effect = effectOf([operation], epoch, firstSeq, (key) => store.head(key));
    const rotten = effect.corrupt[0];
    if (rotten) {
      this.#stepAside([], rotten);
      return false;
    }
    const roots = { prevRoot: state.root, postRoot: xorDigest(state.root, effect.leafXors.root()) };
    const batch = { shard, epoch, firstSeq, ops: [operation], committedAt: clock.wall(), ...roots };
    this.#sendOff(batch, { event: this.#write(batch, effect), prompt, trace: undefined }, startedAt);
    return true;
  }

  /** A majority of the replica set has the record of it, of this epoch, on disk. */
  get setIsSettled(): boolean {
    const { members, state, told, node, durable } = this.#context;
    told.set(node, durable);
    const seq = replicatedSeq(members, told, this.epoch, majorityOf(members.length));
    return Math.min(seq, state.confirmedSeq) >= Math.max(1, state.set.seq);
  }

  /**
   * Under a live lease all levels; without NATS nobody can be elected, so `ack=leader` goes on, provisional,
   * as long as the outbox has room.
   */
  #allow(waiting: Waiting): boolean {
    const { limits, halted } = this.#context;
    if (halted !== undefined) {
      waiting.reject(notLeader('The replica of the leader has halted.'));
      return false;
    }
    if (this.outboxOps > limits.outboxOpsMax) {
      waiting.reject(new DriftlessError('overloaded', 'The stream does not confirm; the outbox is full.'));
      return false;
    }
    if (this.#hooks.leaseIsLive() || (waiting.level === 'leader' && this.#hooks.natsIsLost())) return true;
    waiting.reject(notLeader('The lease of the leader has lapsed.'));
    return false;
  }

  /** A rotten row of ours must not be built upon: keep it, tell it, and let a sound replica lead. */
  #stepAside(allowed: readonly Waiting[], rotten: Entry): void {
    this.#context.soundness.foundRotten(rotten, "A row's bytes do not have its digest.");
    for (const waiting of allowed)
      waiting.reject(notLeader('The leader has found a damaged row and steps aside.'));
  }

  #noteConverged(): void {
    const { node, durable, members, told, clock, instruments, shard } = this.#context;
    told.set(node, durable);
    for (const ms of this.convergence.reached(members, told, clock.monotonic()))
      instruments.converged(shard, ms);
  }

  #refuseQueue(): void {
    this.#endPutOff();
    for (const waiting of this.#queue.clear()) waiting.reject(notLeader());
  }

  /** Writes that wait for followers would be indeterminate when the leadership ends. */
  #checkDrained(): void {
    const isDrained = !this.#accepting && this.#publisher.isEmpty && this.#waits.isEmpty;
    if (isDrained) this.#hooks.onDrained();
  }
}

function notLeader(message = 'This node does not lead the shard.'): DriftlessError {
  return new DriftlessError('not-leader', message);
}
