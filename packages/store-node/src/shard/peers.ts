/**
 * Port and HTTP adapter: what a replica asks of the other members of its shard, over the same routes that the
 * gateway uses. A peer that doesn't answer is `undefined`; the caller asks the next one or tries again later.
 */
import { Buffer } from 'node:buffer';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import {
  decodeFrame,
  type ExchangeQuestion,
  encodeFrame,
  frameContentType,
  type LogAnswer,
  logAnswerSchema,
  PayloadReader,
  type Row,
  type RowsAnswer,
  rowsAnswerSchema,
  type WriteOperation,
  type WriteResult,
  writeAnswerSchema,
} from '@driftless/contracts';
import { Agent, request } from 'undici';

/** How long a peer may take to make the copy before it begins to send it, milliseconds. */
const snapshotTimeoutMs = 120_000;
/** Bytes of a copy that wait to be written: what came during one write is the next one. */
const writtenAheadBytes = 4 * 1024 * 1024;

export interface LogPage extends Omit<LogAnswer, 'events'> {
  events: Uint8Array[];
}

export interface RowsPage extends Omit<RowsAnswer, 'rows'> {
  rows: { row: Row; value: Uint8Array }[];
}

export interface Peers {
  /** Confirmed batches of a peer's log whose first seq is after `afterSeq`. */
  log(peer: string, shard: number, afterSeq: number, bytesMax: number): Promise<LogPage | undefined>;
  /** Rows of these keys; a key that isn't listed has no row there. */
  rows(peer: string, shard: number, keys: readonly string[]): Promise<RowsPage | undefined>;
  /** One operation for a leader, ack=stream; what became of it. */
  write(
    peer: string,
    shard: number,
    operation: WriteOperation,
    value: Uint8Array,
  ): Promise<WriteResult | undefined>;
  /** A question of an exchange, answered as the contracts say (contracts/exchange.ts). */
  ask(
    peer: string,
    shard: number,
    question: ExchangeQuestion,
    header: unknown,
  ): Promise<Uint8Array | undefined>;
  /** Writes a copy of the peer's replica to `file`, and does not sync it; whether it arrived whole. */
  snapshot(peer: string, shard: number, file: string): Promise<boolean>;
  close(): Promise<void>;
}

export interface HttpPeersOptions {
  /** Where a member is reached (http://host:port), as far as it has told. */
  urlOf(node: string): string | undefined;
  timeoutMs: number;
  onFault(peer: string, error: Error): void;
}

export class HttpPeers implements Peers {
  readonly #options: HttpPeersOptions;
  readonly #agent: Agent;

  constructor(options: HttpPeersOptions) {
    this.#options = options;
    const { timeoutMs } = options;
    this.#agent = new Agent({
      connect: { timeout: timeoutMs },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
  }

  async log(peer: string, shard: number, afterSeq: number, bytesMax: number): Promise<LogPage | undefined> {
    const path = `/node/v1/shards/${shard}/log?after=${afterSeq}&bytes=${bytesMax}`;
    return this.#call(peer, path, undefined, logPageOf);
  }

  async rows(peer: string, shard: number, keys: readonly string[]): Promise<RowsPage | undefined> {
    return this.#call(peer, `/node/v1/shards/${shard}/rows`, JSON.stringify({ keys }), rowsPageOf);
  }

  async write(
    peer: string,
    shard: number,
    operation: WriteOperation,
    value: Uint8Array,
  ): Promise<WriteResult | undefined> {
    const header = { shard, ack: 'stream', timeoutMs: this.#options.timeoutMs, operations: [operation] };
    const body = encodeFrame(header, operation.op === 'put' ? [value] : []);
    return this.#call(peer, '/node/v1/write', body, (answer) => {
      return writeAnswerSchema.parse(JSON.parse(answer.toString())).results[0];
    });
  }

  async ask(
    peer: string,
    shard: number,
    question: ExchangeQuestion,
    header: unknown,
  ): Promise<Uint8Array | undefined> {
    const path = `/node/v1/shards/${shard}/${question}`;
    return this.#call(peer, path, JSON.stringify(header), (bytes) => bytes);
  }

  async snapshot(peer: string, shard: number, file: string): Promise<boolean> {
    const url = this.#options.urlOf(peer);
    if (!url) return false;
    try {
      const path = `${url}/node/v1/shards/${shard}/snapshot`;
      const answer = await request(path, { dispatcher: this.#agent, headersTimeout: snapshotTimeoutMs });
      if (answer.statusCode !== 200) {
        await answer.body.dump();
        throw new Error(`${path} answered ${answer.statusCode}.`);
      }
      await pipeline(answer.body, createWriteStream(file, { highWaterMark: writtenAheadBytes }));
      return true;
    } catch (error) {
      this.#options.onFault(peer, error as Error);
      return false;
    }
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }

  /** `parse` may throw: what can't be read was not answered. */
  async #call<Answer>(
    peer: string,
    path: string,
    body: string | Buffer | undefined,
    parse: (bytes: Buffer) => Answer,
  ): Promise<Answer | undefined> {
    const url = this.#options.urlOf(peer);
    if (!url) return undefined;
    try {
      const answer = await request(`${url}${path}`, {
        dispatcher: this.#agent,
        method: body === undefined ? 'GET' : 'POST',
        ...(body !== undefined && { body, headers: { 'content-type': typeOf(body) } }),
      });
      const bytes = Buffer.from(await answer.body.arrayBuffer());
      if (answer.statusCode === 200) return parse(bytes);
      throw new Error(`${path} answered ${answer.statusCode}.`);
    } catch (error) {
      this.#options.onFault(peer, error as Error);
      return undefined;
    }
  }
}

/** The answer of the log route. */
export function logPageOf(frame: Uint8Array): LogPage {
  const { header, body } = decodeFrame(frame);
  const answer = logAnswerSchema.parse(header);
  const payloads = new PayloadReader(body);
  return { ...answer, events: answer.events.map((bytes) => payloads.take(bytes)) };
}

/** The answer of the rows route. */
export function rowsPageOf(frame: Uint8Array): RowsPage {
  const { header, body } = decodeFrame(frame);
  const answer = rowsAnswerSchema.parse(header);
  const payloads = new PayloadReader(body);
  return { ...answer, rows: answer.rows.map((row) => ({ row, value: payloads.take(row.bytes) })) };
}

function typeOf(body: string | Buffer): string {
  return typeof body === 'string' ? 'application/json' : frameContentType;
}
