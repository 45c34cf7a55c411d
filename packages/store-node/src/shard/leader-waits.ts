/**
 * Who waits for what at a leader: writes that are committed, for their ack level, and reads of values that
 * the stream has not confirmed. What each level takes is told here (core/waits.ts knows how to wait), and
 * what is answered when it wasn't reached in time.
 */
import { type AckLevel, DriftlessError, type WriteResult } from '@driftless/contracts';
import type { PlannedResult } from '../core/plan.ts';
import type { ReplicaSet } from '../core/state.ts';
import { AckWaits, replicatedBySets, setsInUse } from '../core/waits.ts';
import type { ShardContext } from './context.ts';
import type { Waiting } from './write-queue.ts';

/** A request that is committed and waits for its level; a read has no requests. */
interface Committed extends Omit<Waiting, 'bytes'> {
  results: WriteResult[];
}

export class LeaderWaits {
  readonly #context: ShardContext;
  readonly #epoch: number;
  readonly #waits = new AckWaits<Committed>();
  /** The replica sets that operations may still wait for. */
  #sets: readonly ReplicaSet[];

  constructor(context: ShardContext, epoch: number) {
    this.#context = context;
    this.#epoch = epoch;
    this.#sets = [{ seq: 0, members: context.members }];
  }

  get isEmpty(): boolean {
    return this.#waits.size === 0;
  }

  /** From the next operation on, this set is in force. */
  changeMembers(members: string[]): void {
    this.#sets = [...this.#sets, { seq: this.#context.state.applied.seq + 1, members }];
  }

  /** `results`: of the requests, in their order. */
  written(requests: readonly Waiting[], results: readonly PlannedResult[]): void {
    let index = 0;
    for (const waiting of requests) {
      const mine = results.slice(index, index + waiting.requests.length);
      index += waiting.requests.length;
      const seq = mine.at(-1)?.seq ?? 0;
      const what: Committed = { ...waiting, results: mine.map(({ result }) => result) };
      this.#waits.add({ level: waiting.level, seq, deadline: waiting.deadline, what });
    }
    this.settle();
  }

  /** Resolves when the stream has confirmed `seq`, or rejects at the deadline. */
  confirmed(seq: number, timeoutMs: number): Promise<void> {
    const { clock, state } = this.#context;
    if (seq <= state.confirmedSeq) return Promise.resolve();
    const startedAt = clock.monotonic();
    return new Promise((resolve, reject) => {
      const wait = { requests: [], level: 'stream' as const, results: [], startedAt };
      const deadline = startedAt + timeoutMs;
      const what = { ...wait, deadline, resolve: () => resolve(), reject };
      this.#waits.add({ level: 'stream', seq, deadline, what });
    });
  }

  /** Answers those whose level is reached by now. */
  settle(): void {
    if (this.#waits.size === 0) return;
    const { node, state, durable, told } = this.#context;
    told.set(node, durable);
    const replicated = replicatedBySets(this.#sets, told, this.#epoch);
    this.#sets = setsInUse(this.#sets, replicated);
    // No answer before our own disk has it: else a leader that comes back could lead without it.
    const stream = Math.min(state.confirmedSeq, durable.seq);
    const progress = {
      leader: durable.seq,
      stream,
      majority: Math.min(stream, replicated.majority),
      all: Math.min(stream, replicated.all),
    };
    for (const { what } of this.#waits.reached(progress)) this.#answer(what, what.results);
  }

  /** Time passes. */
  tick(now: number): void {
    for (const { what } of this.#waits.expired(now)) this.#answerLate(what);
  }

  /** The leadership is over: what waits is indeterminate. */
  abandon(): void {
    for (const { what } of this.#waits.abandon()) this.#answerLate(what);
  }

  /** For tests: what no leader must do (core/mutants.ts). */
  answerUnasked(requests: readonly Waiting[], planned: readonly PlannedResult[]): void {
    const results = planned.map(({ result }) => result);
    for (const waiting of requests) {
      this.#answer({ ...waiting, results: [] }, results.splice(0, waiting.requests.length));
    }
  }

  #answer(what: Committed, results: WriteResult[]): void {
    const { node, state, instruments, clock, shard } = this.#context;
    instruments.written(shard, what.level, clock.monotonic() - what.startedAt);
    what.resolve({ node, position: state.applied, results });
  }

  #answerLate(what: Committed): void {
    if (what.requests.length === 0) {
      what.reject(new DriftlessError('upstream-timeout', 'The stream has not confirmed the value in time.'));
      return;
    }
    const late = what.results.map((result) => lateResult(result, what.level));
    this.#answer(what, late);
  }
}

/** A refusal rests on what the leader holds, which may be undone as long as it is not confirmed. */
function lateResult({ error, version }: WriteResult, level: AckLevel): WriteResult {
  if (error) {
    const detail = `Not stored: refused (${error}) for a state that was not confirmed in time.`;
    return { error: 'indeterminate', detail };
  }
  const detail = `Stored on the leader, but ack=${level} was not reached in time.`;
  return { error: 'indeterminate', detail, ...(version && { version }) };
}
