/**
 * The spans of a node (docs/tracing.md): who asks says by a `traceparent` what is traced.
 *
 *     write      of operations that one caller asked for together, from arrival to answer
 *       commit     of the batch, in the trace of its first traced write; the others are linked
 *       publish    the same; its context is in the event's headers
 *         apply      at each follower, until it has acked the event
 *     read, list at whichever replica was asked
 *
 * A batch that the outbox publishes again after a restart is published without a trace: the log has none.
 */
import {
  type Batch,
  type ErrorCode,
  eventSubject,
  formatTraceparent,
  type ListHeader,
  lastSeqOf,
  parseTraceLinks,
  parseTraceparent,
  problemOf,
  type TraceContext,
  traceLinksMax,
  type WriteAnswer,
  type WriteHeader,
} from '@driftless/contracts';
import { type TraceSpan, type Tracing, tellOutcome } from '@driftless/runtime';
import type { WriteRequest } from '../core/plan.ts';
import type { EventTrace, StreamMessage } from '../jetstream/port.ts';

/** A write, and the span of those that it came with, where they are traced. */
export interface TracedRequest extends WriteRequest {
  span?: TraceSpan | undefined;
}

export class Traces {
  readonly tracing: Tracing;
  readonly #cluster: string;

  constructor(tracing: Tracing, cluster: string) {
    this.tracing = tracing;
    this.#cluster = cluster;
  }

  /**
   * Begins the spans of writes that have come; each request is given its own. Undefined where none is traced.
   */
  writes(
    requests: readonly TracedRequest[],
    { shard, ack }: Pick<WriteHeader, 'shard' | 'ack'>,
  ): WriteTrace | undefined {
    let spans: Map<string, TraceSpan> | undefined;
    for (const request of requests) {
      const { traceparent } = request.operation;
      if (traceparent === undefined) continue;
      spans ??= new Map();
      request.span = spans.get(traceparent) ?? this.#write(traceparent, { shard, ack });
      if (request.span) spans.set(traceparent, request.span);
    }
    return spans && new WriteTrace(requests, [...spans.values()]);
  }

  #write(traceparent: string, { shard, ack }: Pick<WriteHeader, 'shard' | 'ack'>): TraceSpan | undefined {
    const attributes = { 'driftless.shard': shard, 'driftless.ack': ack };
    return this.tracing.serve('write', traceparent, { attributes });
  }

  /** Of the batch that these writes become; undefined where none of them is traced. */
  batch(requests: readonly TracedRequest[]): BatchTrace | undefined {
    let spans: Set<TraceSpan> | undefined;
    for (const { span } of requests) {
      if (span === undefined) continue;
      spans ??= new Set();
      spans.add(span);
    }
    return spans && new BatchTrace([...spans], this.#cluster);
  }

  /** Of an event that has come to a follower; undefined where it isn't traced. */
  apply({ trace, streamSeq }: StreamMessage, batch: Batch): TraceSpan | undefined {
    const parent = trace && parseTraceparent(trace.traceparent);
    if (!parent?.sampled) return undefined;
    const attributes = { ...attributesOf(batch), 'driftless.stream_seq': streamSeq };
    const links = parseTraceLinks(trace?.links ?? '');
    return this.tracing.follow('apply', parent, { role: 'consumer', links, attributes });
  }

  read(
    name: 'read' | 'list',
    { traceparent, shard, level }: Pick<ListHeader, 'traceparent' | 'shard' | 'level'>,
  ): TraceSpan | undefined {
    if (traceparent === undefined) return undefined;
    const attributes = { 'driftless.shard': shard, 'driftless.level': level };
    return this.tracing.serve(name, traceparent, { attributes });
  }
}

/** Of writes that came in one request. */
export class WriteTrace {
  readonly #requests: readonly TracedRequest[];
  readonly #spans: readonly TraceSpan[];

  constructor(requests: readonly TracedRequest[], spans: readonly TraceSpan[]) {
    this.#requests = requests;
    this.#spans = spans;
  }

  /** Ends the spans when the writes are answered. */
  async until(answering: Promise<WriteAnswer>): Promise<WriteAnswer> {
    try {
      const answer = await answering;
      for (const [i, { error }] of answer.results.entries()) {
        const { span } = this.#requests[i] ?? {};
        if (span) tellOutcome(span, error);
      }
      return answer;
    } catch (error) {
      for (const span of this.#spans) tellOutcome(span, codeOf(error));
      throw error;
    } finally {
      for (const span of this.#spans) span.end();
    }
  }
}

/** Of a batch with traced writes: it is in the trace of the first of them. */
export class BatchTrace {
  readonly #cluster: string;
  readonly #first: TraceSpan;
  readonly #others: readonly TraceSpan[];
  readonly #links: readonly TraceContext[];
  #attributes: ReturnType<typeof attributesOf> | undefined;

  constructor(spans: readonly TraceSpan[], cluster: string) {
    const [first, ...others] = spans;
    this.#first = first as TraceSpan;
    this.#others = others;
    this.#links = others.slice(0, traceLinksMax).map(({ context }) => context);
    this.#cluster = cluster;
  }

  /** Under which lines of the log stand that are written meanwhile. */
  get span(): TraceSpan {
    return this.#first;
  }

  /** It is in the log and on disk; `startedAt`: when that began, monotonic, milliseconds. */
  committed(batch: Batch, eventBytes: number, startedAt: number): void {
    this.#attributes = attributesOf(batch);
    const attributes = { ...this.#attributes, 'driftless.bytes': eventBytes };
    const commit = this.#first.child('commit', { at: startedAt, links: this.#links, attributes });
    commit.end();
    this.#first.event('committed');
    for (const span of this.#others) {
      span.event('committed');
      // So that who looks at that trace finds the batch.
      span.link(commit.context);
    }
  }

  /** An attempt to publish it, and what the event's headers are to tell. */
  publishing(shard: number): { span: TraceSpan; trace: EventTrace } {
    const span = this.#first.child('publish', {
      role: 'producer',
      links: this.#links,
      attributes: {
        ...this.#attributes,
        'messaging.system': 'nats',
        'messaging.destination.name': eventSubject(this.#cluster, shard),
      },
    });
    const { traceparent } = span;
    const links = this.#links.map(formatTraceparent).join(',');
    return { span, trace: { traceparent, ...(links !== '' && { links }) } };
  }
}

export function codeOf(error: unknown): ErrorCode {
  return problemOf(error).code;
}

function attributesOf(batch: Batch) {
  return {
    'driftless.shard': batch.shard,
    'driftless.epoch': batch.epoch,
    'driftless.first_seq': batch.firstSeq,
    'driftless.last_seq': lastSeqOf(batch),
    'driftless.operations': batch.ops.length,
  };
}
