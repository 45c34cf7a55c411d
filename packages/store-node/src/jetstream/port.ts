/**
 * Ports: the stream that carries a shard's events, and the bucket that keeps the leases. Adapters: the real
 * ones on JetStream beside this file, and `memory.ts`; both run the suite in `acceptance.ts`.
 *
 * A call that gets no answer throws `Unanswered`: what was asked may have happened or not. The caller must
 * find out, never guess.
 */
import type { Lease } from '@driftless/contracts';
import type { BatchName, StreamEnd } from '../core/outbox.ts';

export { Unanswered } from '@driftless/runtime';

/** The fence refused a publish: the stream's last message is not the one expected. */
export class FenceRefused extends Error {
  override name = 'FenceRefused';
}

/** The stream or consumer is not there. */
export class Missing extends Error {
  override name = 'Missing';
}

/** What an event tells of the trace that it belongs to (contracts/trace-context.ts). */
export interface EventTrace {
  /** The span that published it. */
  traceparent: string;
  /** Other spans that it comes from, with commas. */
  links?: string;
}

export interface StreamMessage {
  streamSeq: number;
  event: Uint8Array;
  /** A client waits for this node to have it on disk. */
  prompt: boolean;
  /** Where it holds something that is traced. */
  trace?: EventTrace | undefined;
  /** Tells JetStream that this message and all before it are applied durably. */
  ack(): void;
}

export interface Publish {
  event: Uint8Array;
  epoch: number;
  firstSeq: number;
  lastSeq: number;
  /** The sequence that the stream must end at. */
  expectedStreamSeq: number;
  /** The batch that the stream's last message must be, where that is known. */
  after?: BatchName | undefined;
  /** A client waits for followers to have it on disk; default: no. */
  prompt?: boolean;
  /** It holds something that is traced. */
  trace?: EventTrace | undefined;
}

export interface Consumption {
  /** After this resolves no further message is given out. */
  stop(): Promise<void>;
}

export interface ConsumeOptions {
  /** Sequence of the first message wanted. */
  fromStreamSeq: number;
  onMessage(message: StreamMessage): void;
  /** The consumption is over and did not end by `stop`. */
  onEnd(error: Error): void;
}

export interface EventStream {
  /** It checks `after`, so that several publishes may be under way; otherwise one goes at a time. */
  readonly pipelines: boolean;
  /** Makes the stream if it isn't there; when it was created (an opaque text) and where it ends. */
  ensure(): Promise<{ createdAt: string; lastStreamSeq: number }>;
  /** Throws `FenceRefused`, `Missing` or `Unanswered`. */
  publish(publish: Publish): Promise<{ streamSeq: number }>;
  /** The last message, read from the stream's leader. Throws `Missing` or `Unanswered`. */
  end(): Promise<StreamEnd & { createdAt: string }>;
  consume(options: ConsumeOptions): Promise<Consumption>;
  /** Removes what the stream keeps for this node, which consumes it no more. Throws `Unanswered`. */
  forget(): Promise<void>;
}

export interface SeenRevision {
  revision: number;
  lease: Lease | null;
}

export interface LeaseStore {
  /**
   * Tells the lease of each shard as it is now, then every change, until stopped; starts over when the link
   * broke. Of changes that come while it starts only the last is told.
   */
  watch(onLease: (shard: number, seen: SeenRevision) => void): Promise<{ stop(): void }>;
  /** What stands there now. Throws `Unanswered`. */
  read(shard: number): Promise<SeenRevision>;
  /**
   * Compare-and-set: the new revision, or undefined when it isn't at `revision` (0: not there). Throws
   * `Unanswered`.
   */
  write(shard: number, lease: Lease, revision: number): Promise<number | undefined>;
}
