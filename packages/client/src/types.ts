/** What the client takes and gives. Every answer says who gave it and how far behind that replica was. */
import type { AckLevel, BatchAnswer, ListedEntry, ReadLevel, WatchedChange } from '@driftless/contracts';

export interface ClientOptions {
  /** One gateway or several; the next one is asked when one can't be reached. */
  baseUrls: string | readonly string[];
  /** Default ack level of writes; without it, the gateway's. */
  ack?: AckLevel | undefined;
  /** Default level of reads; without it, the gateway's. */
  consistency?: ReadLevel | undefined;
  /**
   * How long one attempt may take, milliseconds. Default 20,000: longer than a gateway waits for anything.
   */
  timeoutMs?: number | undefined;
  /** Attempts after the first. Default 4. */
  retries?: number | undefined;
  /** Connections to one gateway. Default 64. */
  connections?: number | undefined;
  /** Token of an earlier session to go on with; `false`: keep no session. Default: a new one. */
  session?: string | false | undefined;
  /**
   * Asked with every request, once: the `traceparent` (W3C Trace Context) of what it is a part of, or
   * undefined. One that is sampled makes the cluster trace the request. Default: none.
   */
  traceparent?: (() => string | undefined) | undefined;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

export interface ReadOptions extends CallOptions {
  consistency?: ReadLevel | undefined;
  /** The largest staleness that will do, milliseconds; makes the read `bounded`. */
  maxStalenessMs?: number | undefined;
}

export interface WriteOptions extends CallOptions {
  ack?: AckLevel | undefined;
  /** Only if the key is at this version; `*`: only if it exists. */
  ifMatch?: string | undefined;
  /** Only if the key is not at this version; `*`: only if it does not exist. */
  ifNoneMatch?: string | undefined;
  /**
   * Under which the first answer is kept, so that a retry can't do the write twice. Default: a random one
   * when the client may retry. `false`: none, and then a write without an answer is not retried.
   */
  idempotencyKey?: string | false | undefined;
}

export interface PutOptions extends WriteOptions {
  /** Default `application/octet-stream` for bytes, `text/plain; charset=utf-8` for text. */
  contentType?: string | undefined;
  /** Time to live, seconds. */
  ttlSeconds?: number | undefined;
}

export interface ListQuery extends ReadOptions {
  prefix?: string | undefined;
  /** Most entries in a page. */
  limit?: number | undefined;
  /** `next` of the page before. */
  cursor?: string | undefined;
  /** Whether entries carry their values. Default true. */
  values?: boolean | undefined;
}

export interface WatchOptions extends CallOptions {
  /** Only keys that begin with this. */
  prefix?: string | undefined;
  /** `token` of the last event seen: the watch goes on right behind it. Default: begins now. */
  after?: string | undefined;
  /**
   * Called with each place that the watch could go on from: first when it has begun, so that from then on
   * nothing is missed, and also when there is nothing to see.
   */
  onToken?: ((token: string) => void) | undefined;
  /** A connection without a sign of life for this long is given up, milliseconds. Default 45,000. */
  silenceMs?: number | undefined;
  /** How long a watch that has begun tries to reach a gateway again, milliseconds. Default 300,000. */
  reconnectForMs?: number | undefined;
}

/** A change, with the token to go on from behind it. A deletion has no content type and no value. */
export interface WatchEvent extends WatchedChange {
  type: 'put' | 'delete';
  token: string;
}

/** What the headers of an answer say. What isn't known is absent. */
export interface Answer {
  /** Node that answered; of a listing, all of them with commas. */
  node?: string;
  /** Where its replica of the shard stands: `3-121`. */
  position?: string;
  lagMs?: number;
  lagOps?: number;
}

export interface Head extends Answer {
  /** `3-120`. */
  version: string;
  contentType: string;
  bytes: number;
}

export interface Read<Value = Uint8Array> extends Head {
  value: Value;
}

export interface Written extends Answer {
  key: string;
  version: string;
  /** The key had no value before. */
  created: boolean;
  ack: AckLevel;
}

export interface Deleted extends Answer {
  key: string;
  /** Of the deletion. */
  version: string;
}

export interface Counted extends Answer {
  key: string;
  value: number;
  version: string;
}

export interface Page extends Answer {
  entries: ListedEntry[];
  /** Cursor of the next page; absent on the last. */
  next?: string;
}

export type BatchAnswered = BatchAnswer;
