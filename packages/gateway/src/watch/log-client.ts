/**
 * The nodes' logs over the hop. Connections of their own: requests that wait for news must not take those of
 * reads and writes, and what catches up is bounded by the connections that it has.
 */
import { decodeFrame, logAnswerSchema, PayloadReader } from '@driftless/contracts';
import { Agent, request } from 'undici';
import type { LogPage } from '../core/watch/history.ts';

export interface LogQuery {
  shard: number;
  afterSeq: number;
  bytesMax: number;
  /** How long the node may wait for more, milliseconds; 0: not at all. */
  waitMs: number;
}

export interface LogClientOptions {
  connectTimeoutMs: number;
  /** How long a node may take to answer, beyond `waitMs`, milliseconds. */
  answerTimeoutMs: number;
  /** Connections to one node for requests that don't wait. */
  catchUpsMax: number;
}

export class LogClient {
  readonly #options: LogClientOptions;
  /** One connection a shard at most: each feed has one request under way. */
  readonly #polls: Agent;
  readonly #catchUps: Agent;

  constructor(options: LogClientOptions) {
    this.#options = options;
    const connect = { timeout: options.connectTimeoutMs };
    this.#polls = new Agent({ connect });
    this.#catchUps = new Agent({ connect, connections: options.catchUpsMax });
  }

  /** Throws whatever goes wrong: for a log, there is always another replica to ask. */
  async page(url: string, query: LogQuery, signal: AbortSignal): Promise<LogPage> {
    const { shard, afterSeq, bytesMax, waitMs } = query;
    const timeoutMs = waitMs + this.#options.answerTimeoutMs;
    const path = `/node/v1/shards/${shard}/log?after=${afterSeq}&bytes=${bytesMax}&waitMs=${waitMs}`;
    const { statusCode, body } = await request(`${url}${path}`, {
      dispatcher: waitMs > 0 ? this.#polls : this.#catchUps,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal,
    });
    const bytes = new Uint8Array(await body.arrayBuffer());
    if (statusCode !== 200) throw new Error(`The log of shard ${shard} at ${url}: answer ${statusCode}.`);
    const frame = decodeFrame(bytes);
    const answer = logAnswerSchema.parse(frame.header);
    const payloads = new PayloadReader(frame.body);
    const events = answer.events.map((size) => payloads.take(size));
    payloads.finish();
    return { ...answer, events };
  }

  async close(): Promise<void> {
    await Promise.all([this.#polls.destroy(), this.#catchUps.destroy()]);
  }
}
