/**
 * A shard's stream on JetStream: one subject, limits retention, a durable pull consumer a node. The stream's
 * sequence is only the fence and a cursor; positions are in the events (and, for a quick look, in headers).
 */
import {
  consumerName,
  eventHeaders,
  eventMessageId,
  eventSubject,
  streamName,
  traceHeaders,
} from '@driftless/contracts';
import {
  AckPolicy,
  type ConsumerMessages,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  PubHeaders,
  RetentionPolicy,
  StorageType,
  type StreamInfo,
} from '@nats-io/jetstream';
import { headers, type MsgHdrs, nanos } from '@nats-io/transport-node';
import type { BatchName, StreamEnd } from '../core/outbox.ts';
import type { AckedPublisher } from './acked-publisher.ts';
import {
  type ConsumeOptions,
  type Consumption,
  type EventStream,
  type EventTrace,
  FenceRefused,
  Missing,
  type Publish,
  type StreamMessage,
  Unanswered,
} from './port.ts';

export interface JetStreamOptions {
  cluster: string;
  shard: number;
  node: string;
  /** Copies of the stream within the NATS cluster. */
  streamReplicas: number;
  /** Bytes after which the stream drops its oldest events; followers then read the log of a peer. */
  streamBytesMax: number;
  /** Milliseconds after which it drops them. */
  streamAgeMaxMs: number;
  /** Window in which JetStream knows a message id again, milliseconds. */
  duplicateWindowMs: number;
  /** Events given out and not acked. */
  ackPendingMax: number;
  /** After this an event that was not acked is given out again, milliseconds. */
  ackWaitMs: number;
}

/** https://github.com/nats-io/nats-server/blob/main/server/errors.json */
const apiCodes = {
  wrongLastSequence: 10071,
  wrongLastSequenceConstant: 10164,
  wrongLastMessageId: 10070,
  streamNotFound: 10059,
  consumerNotFound: 10014,
  noMessage: 10037,
};

/** What the fence answers when the stream does not end as expected. */
const refusals: readonly number[] = [
  apiCodes.wrongLastSequence,
  apiCodes.wrongLastSequenceConstant,
  apiCodes.wrongLastMessageId,
];

/** Messages asked for at a time; JetStream holds the rest. */
const pullMessagesMax = 256;
export const pullExpiresMs = 5_000;
export const idleHeartbeatMs = 1_000;

export class JetStreamEvents implements EventStream {
  /**
   * Where a stream has copies, each of them checks the expected message id when it applies the message, and
   * nats-server takes a mismatch there for a failed write, which ends the stream on all of them (seen with
   * 2.15). The expected sequence is checked before.
   */
  readonly pipelines: boolean;
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;
  readonly #publisher: AckedPublisher;
  readonly #options: JetStreamOptions;
  readonly #stream: string;
  readonly #subject: string;

  constructor(
    js: JetStreamClient,
    jsm: JetStreamManager,
    publisher: AckedPublisher,
    options: JetStreamOptions,
  ) {
    this.#js = js;
    this.#jsm = jsm;
    this.#publisher = publisher;
    this.#options = options;
    this.pipelines = options.streamReplicas === 1;
    this.#stream = streamName(options.cluster, options.shard);
    this.#subject = eventSubject(options.cluster, options.shard);
  }

  async ensure(): Promise<{ createdAt: string; lastStreamSeq: number }> {
    const { streamReplicas, streamBytesMax, streamAgeMaxMs, duplicateWindowMs } = this.#options;
    const info = await this.#jsm.streams.info(this.#stream).catch((error: unknown) => {
      if (apiCode(error) !== apiCodes.streamNotFound) throw asPortError(error);
      return this.#jsm.streams.add({
        name: this.#stream,
        subjects: [this.#subject],
        retention: RetentionPolicy.Limits,
        storage: StorageType.File,
        discard: DiscardPolicy.Old,
        num_replicas: streamReplicas,
        max_bytes: streamBytesMax,
        max_age: nanos(streamAgeMaxMs),
        duplicate_window: nanos(Math.min(duplicateWindowMs, streamAgeMaxMs)),
      });
    });
    return { createdAt: createdAt(info), lastStreamSeq: info.state.last_seq };
  }

  async publish(publish: Publish): Promise<{ streamSeq: number }> {
    try {
      const heads = this.#headsOf(publish);
      return { streamSeq: await this.#publisher.publish(this.#subject, publish.event, heads) };
    } catch (error) {
      throw asPortError(error);
    }
  }

  #headsOf({ epoch, firstSeq, lastSeq, expectedStreamSeq, after, prompt, trace }: Publish): MsgHdrs {
    const heads = headers();
    heads.set(PubHeaders.MsgIdHdr, this.#messageId({ epoch, firstSeq }, expectedStreamSeq + 1));
    heads.set(PubHeaders.ExpectedLastSeqHdr, String(expectedStreamSeq));
    if (after && this.pipelines)
      heads.set(PubHeaders.ExpectedLastMsgIdHdr, this.#messageId(after, expectedStreamSeq));
    heads.set(eventHeaders.epoch, String(epoch));
    heads.set(eventHeaders.firstSeq, String(firstSeq));
    heads.set(eventHeaders.lastSeq, String(lastSeq));
    if (prompt) heads.set(eventHeaders.prompt, '1');
    if (trace) heads.set(traceHeaders.parent, trace.traceparent);
    if (trace?.links !== undefined) heads.set(traceHeaders.links, trace.links);
    return heads;
  }

  async end(): Promise<StreamEnd & { createdAt: string }> {
    try {
      const info = await this.#jsm.streams.info(this.#stream);
      const { last_seq: streamSeq, messages } = info.state;
      const end = { streamSeq, createdAt: createdAt(info) };
      if (messages === 0) return end;
      // By subject and not by sequence: the last message is asked for, whatever was published meanwhile.
      const last = await this.#jsm.streams.getMessage(this.#stream, { last_by_subj: this.#subject });
      if (!last) return end;
      // The last sequence may be that of a message which is gone, and which the fence still counts.
      const { header, seq } = last;
      const number = (name: string): number => Number(header.get(name));
      const [epoch, firstSeq] = [number(eventHeaders.epoch), number(eventHeaders.firstSeq)];
      const message = { streamSeq: seq, epoch, firstSeq, lastSeq: number(eventHeaders.lastSeq) };
      const known = header.has(eventHeaders.epoch) ? { message } : {};
      return { ...end, streamSeq: Math.max(streamSeq, seq), ...known };
    } catch (error) {
      throw asPortError(error);
    }
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    try {
      const consumer = await this.#consumerAt(options.fromStreamSeq);
      const messages = await consumer.consume({
        max_messages: pullMessagesMax,
        expires: pullExpiresMs,
        idle_heartbeat: idleHeartbeatMs,
        abort_on_missing_resource: true,
        callback: (message) => options.onMessage(messageOf(message)),
      });
      return consumption(messages, options);
    } catch (error) {
      throw asPortError(error);
    }
  }

  async forget(): Promise<void> {
    try {
      await this.#jsm.consumers.delete(this.#stream, consumerName(this.#options.node));
    } catch (error) {
      const fault = asPortError(error);
      if (!(fault instanceof Missing)) throw fault;
    }
  }

  /**
   * Names a batch at its place in the stream. The place is part of it, because JetStream remembers the ids of
   * messages that were purged, and would take a batch that is published again for a duplicate.
   */
  #messageId({ epoch, firstSeq }: BatchName, streamSeq: number): string {
    return `${eventMessageId(this.#options.shard, epoch, firstSeq)}/${streamSeq}`;
  }

  /** The node's durable consumer, placed where the replica stands: its own cursor is the truth. */
  async #consumerAt(fromStreamSeq: number) {
    const { node, ackPendingMax, ackWaitMs } = this.#options;
    const name = consumerName(node);
    const info = await this.#jsm.consumers.info(this.#stream, name).catch((error: unknown) => {
      if (apiCode(error) === apiCodes.consumerNotFound) return undefined;
      throw error;
    });
    const wanted = fromStreamSeq - 1;
    // With messages given out and not acked, the ones behind them would come first.
    const fits =
      info?.config.ack_policy === AckPolicy.All &&
      info.ack_floor.stream_seq === wanted &&
      info.delivered.stream_seq === wanted;
    if (info && !fits) await this.#jsm.consumers.delete(this.#stream, name);
    if (!fits) {
      await this.#jsm.consumers.add(this.#stream, {
        durable_name: name,
        ack_policy: AckPolicy.All,
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: fromStreamSeq,
        max_ack_pending: ackPendingMax,
        ack_wait: nanos(ackWaitMs),
        max_deliver: -1,
      });
    }
    return this.#js.consumers.get(this.#stream, name);
  }
}

function consumption(messages: ConsumerMessages, options: ConsumeOptions): Consumption {
  let stopped = false;
  void messages.closed().then((error) => {
    if (!stopped) options.onEnd(error ?? new Unanswered('The consumer ended.'));
  });
  return {
    stop: async () => {
      stopped = true;
      await messages.close();
    },
  };
}

function messageOf(message: JsMsg): StreamMessage {
  const { headers: heads } = message;
  const prompt = heads?.has(eventHeaders.prompt) ?? false;
  const trace = heads?.has(traceHeaders.parent) ? traceOf(heads) : undefined;
  return { streamSeq: message.seq, event: message.data, prompt, trace, ack: () => message.ack() };
}

function traceOf(heads: MsgHdrs): EventTrace {
  const traceparent = heads.get(traceHeaders.parent);
  return heads.has(traceHeaders.links)
    ? { traceparent, links: heads.get(traceHeaders.links) }
    : { traceparent };
}

/** `created` comes as text; it tells a stream from one of the same name made later. */
function createdAt(info: StreamInfo): string {
  return String(info.created);
}

function apiCode(error: unknown): number | undefined {
  return error instanceof JetStreamApiError ? error.code : undefined;
}

function asPortError(cause: unknown): Error {
  const code = apiCode(cause);
  const message = cause instanceof Error ? cause.message : String(cause);
  if (code !== undefined && refusals.includes(code)) return new FenceRefused(message, { cause });
  if (code === apiCodes.streamNotFound || code === apiCodes.consumerNotFound)
    return new Missing(message, { cause });
  return new Unanswered(message, { cause });
}
