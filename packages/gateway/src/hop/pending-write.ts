/**
 * Writes on their way: one or more operations of one shard that one caller waits for. They are settled one by
 * one, as nodes do or refuse them; the caller hears when all are. It never rejects: what went wrong is a
 * result.
 */
import {
  type ErrorCode,
  eventBytesBound,
  type Position,
  type WriteOperation,
  type WriteResult,
} from '@driftless/contracts';
import { type TraceSpan, tellOutcome } from '@driftless/runtime';
import type { LaneItem } from '../core/lane.ts';
import { type HopError, isRefusal, mayWriteAgain } from '../core/outcome.ts';

export interface Write {
  operation: WriteOperation;
  /** Bytes of a `put`; empty otherwise. */
  value: Uint8Array;
}

/** What became of the writes, in their order, and who did them (absent when nobody did). */
export interface Written {
  results: WriteResult[];
  node?: string;
  position?: Position;
  /** The newest version among all writes that were done with these, in one request. */
  newest?: Position | undefined;
}

/** Who answered a request of writes. */
export type Answerer = Required<Omit<Written, 'results'>>;

/** What a write is told for which there is no room. */
export const crowded = 'Too many writes of this shard are waiting.';

export class PendingWrite implements LaneItem {
  readonly bytes: number;
  readonly offeredAt: number;
  readonly deadlineAt: number;
  readonly #results: WriteResult[] = [];
  readonly #settle: (written: Written) => void;
  /** Of the request, where it is traced; and of its way to a node, while it is there. */
  readonly #span: TraceSpan | undefined;
  #hop: TraceSpan | undefined;
  /** The writes that are not settled, in order. */
  #open: readonly Write[];
  /** Where they stand among all; undefined while they are all. */
  #places: readonly number[] | undefined;
  /** An attempt got no answer: what is open may have been done. */
  #inDoubt = false;
  #lastRefusal: { code: ErrorCode; detail: string } | undefined;
  #by: Answerer | undefined;

  constructor(
    writes: readonly Write[],
    offeredAt: number,
    waitMs: number,
    settle: (written: Written) => void,
    span?: TraceSpan,
  ) {
    this.#open = writes;
    this.#settle = settle;
    this.#span = span;
    this.offeredAt = offeredAt;
    this.deadlineAt = offeredAt + waitMs;
    let bytes = 0;
    for (const { operation, value } of writes) bytes += eventBytesBound(operation, value.length);
    this.bytes = bytes;
  }

  get operations(): number {
    return this.#open.length;
  }

  /** Puts the writes that are to be done at the end of a request. */
  addTo(operations: WriteOperation[], values: Uint8Array[]): void {
    const traceparent = this.#hop?.traceparent;
    for (const { operation, value } of this.#open) {
      operations.push(traceparent === undefined ? operation : { ...operation, traceparent });
      if (operation.op === 'put') values.push(value);
    }
  }

  /** It leaves for a node: before its open writes are taken. */
  sent(shard: number, node: string): void {
    if (this.#span === undefined) return;
    const attributes = { 'driftless.node': node, 'driftless.shard': shard };
    this.#hop = this.#span.child('hop write', { role: 'client', attributes });
  }

  /**
   * A node answered with a result for each open write, the first of which is `results[from]`. True when some
   * were refused, and go again.
   */
  answered(by: Answerer, results: readonly WriteResult[], from: number): boolean {
    const open: Write[] = [];
    const places: number[] = [];
    for (let i = 0; i < this.#open.length; i += 1) {
      const result = results[from + i] as WriteResult;
      const place = this.#places?.[i] ?? i;
      if (result.error !== undefined && isRefusal(result.error)) {
        open.push(this.#open[i] as Write);
        places.push(place);
        this.#lastRefusal = { code: result.error, detail: result.detail ?? '' };
      } else this.#results[place] = result;
    }
    this.#by = by;
    this.#open = open;
    this.#places = places;
    this.#endHop(open.length > 0 ? this.#lastRefusal?.code : undefined);
    if (open.length > 0) return true;
    this.#finish();
    return false;
  }

  /** The hop failed. True when the open writes go again. */
  failed(error: HopError): boolean {
    if (error.kind === 'unanswered') this.#inDoubt = true;
    const isIdempotent = this.#open[0]?.operation.idempotency !== undefined;
    this.#lastRefusal = { code: error.code, detail: error.message };
    this.#endHop(error.code);
    if (mayWriteAgain(error.kind, isIdempotent)) return true;
    if (error.kind === 'faulty') this.#finish('internal', error.message);
    else this.#finish('indeterminate', `${error.message} The write may or may not have been done.`);
    return false;
  }

  /** Its time is over while it waited for a node to send it to. */
  expired(hasTarget: boolean): void {
    const { code, detail } = this.#lastRefusal ?? {};
    if (this.#inDoubt) {
      this.#finish(
        'indeterminate',
        'A node did not answer, and no other could tell what became of the write.',
      );
    } else if (code === 'overloaded') this.#finish(code, detail);
    else if (!hasTarget) this.#finish('no-leader', 'No node has led the shard in time; nothing was written.');
    else if (code !== undefined) this.#finish(isRefusal(code) ? code : 'replica-unavailable', detail);
    else this.#finish('overloaded', 'The write waited in the queue until its time was over.');
  }

  /** There is no room for it. */
  rejected(): void {
    this.#finish('overloaded', crowded);
  }

  #endHop(code: ErrorCode | undefined): void {
    if (this.#hop === undefined) return;
    tellOutcome(this.#hop, code);
    this.#hop.end();
    this.#hop = undefined;
  }

  #finish(error?: ErrorCode, detail = ''): void {
    for (let i = 0; i < this.#open.length; i += 1) {
      this.#results[this.#places?.[i] ?? i] = { ...(error && { error }), detail };
    }
    this.#open = [];
    const results = this.#results;
    this.#settle(this.#by === undefined ? { results } : { results, ...this.#by });
  }
}
