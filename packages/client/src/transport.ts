/**
 * Attempts: one request until it is answered for good, or its retries are used up.
 *
 * An answer that says "nothing was done, try again" (429, 503) is retried as it is. A write without an answer
 * may have been done: it is retried only under an `Idempotency-Key`, where the leader gives the first answer
 * again. `Retry-After` is honoured; otherwise attempts back off with jitter, and each goes to the next
 * gateway.
 */
import { randomInt } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerHeaders, traceHeaders } from '@driftless/contracts';
import { Pool } from 'undici';
import { ClientError, errorOfAnswer, errorOfTransport } from './error.ts';
import type { ClientSession } from './session.ts';
import type { Answer, ClientOptions } from './types.ts';

export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Path and query, encoded. */
  path: string;
  headers?: Record<string, string>;
  body?: Uint8Array | string;
  signal?: AbortSignal | undefined;
  /** Goes with the request, and learns from its answer. */
  session?: ClientSession | undefined;
  /** How long one attempt may take, where that is longer than usual, milliseconds. */
  timeoutMs?: number;
}

export interface StreamRequest {
  /** Path and query, encoded. */
  path: string;
  headers: Record<string, string>;
  signal?: AbortSignal | undefined;
  /** A stream without a byte for this long is dead, milliseconds. */
  silenceMs: number;
}

export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  bytes: Uint8Array;
}

const sessionHeader = answerHeaders.session;
const timeoutMsDefault = 20_000;
export const retriesDefault = 4;
const connectionsDefault = 64;
const backoffFirstMs = 50;
const backoffMaxMs = 2_000;
const retryAfterMsMax = 10_000;

export class Transport {
  readonly baseUrls: readonly string[];
  readonly #pools: { url: string; pool: Pool }[];
  readonly #timeoutMs: number;
  readonly #retries: number;
  readonly #traceparent: (() => string | undefined) | undefined;
  #next = 0;

  constructor({ baseUrls, timeoutMs, retries, connections, traceparent }: ClientOptions) {
    const urls = typeof baseUrls === 'string' ? [baseUrls] : baseUrls;
    if (urls.length === 0) throw new RangeError('A client needs the URL of at least one gateway.');
    this.baseUrls = urls;
    this.#timeoutMs = timeoutMs ?? timeoutMsDefault;
    this.#retries = retries ?? retriesDefault;
    this.#traceparent = traceparent;
    const options = { connections: connections ?? connectionsDefault, connect: { timeout: this.#timeoutMs } };
    this.#pools = urls.map((url) => ({ url, pool: new Pool(new URL(url).origin, options) }));
  }

  get retries(): number {
    return this.#retries;
  }

  /** The first answer that is no error. Throws `ClientError`. */
  async send(asked: HttpRequest): Promise<HttpAnswer> {
    const traceparent = this.#traceparent?.();
    const traced = traceparent === undefined ? undefined : { [traceHeaders.parent]: traceparent };
    const request = traced === undefined ? asked : { ...asked, headers: { ...asked.headers, ...traced } };
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#attempt(request);
      if (!(outcome instanceof Error)) return outcome;
      if (attempt > this.#retries || !mayGoAgain(request, outcome)) throw outcome;
      this.turnToNext();
      await sleep(pauseMs(outcome, attempt), undefined, request.signal && { signal: request.signal });
    }
  }

  /** One attempt at an answer that has no end. Throws `ClientError`. */
  async open({ path, headers, signal, silenceMs }: StreamRequest): Promise<{ url: string; body: Readable }> {
    const { url, pool } = this.#pools[this.#next] as { url: string; pool: Pool };
    try {
      const timeouts = { headersTimeout: this.#timeoutMs, bodyTimeout: silenceMs };
      const options = { method: 'GET' as const, path, headers, ...timeouts, ...(signal && { signal }) };
      const answer = await pool.request(options);
      if (answer.statusCode === 200) return { url, body: answer.body };
      const retryAfter = textOf(answer.headers['retry-after']);
      throw errorOfAnswer(answer.statusCode, await answer.body.text(), { retryAfter });
    } catch (cause) {
      throw cause instanceof ClientError ? cause : errorOfTransport(cause, url, false);
    }
  }

  /** The next attempt goes to the next gateway. */
  turnToNext(): void {
    this.#next = (this.#next + 1) % this.#pools.length;
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map(({ pool }) => pool.close()));
  }

  async #attempt(request: HttpRequest): Promise<HttpAnswer | ClientError> {
    const { method, path, body, signal, session, timeoutMs = this.#timeoutMs } = request;
    const token = session?.token;
    const headers = token === undefined ? request.headers : { ...request.headers, [sessionHeader]: token };
    const { url, pool } = this.#pools[this.#next] as { url: string; pool: Pool };
    let answer: HttpAnswer;
    try {
      const timeouts = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
      const options = { method, path, headers: headers ?? {}, body: body ?? null, ...timeouts };
      const raw = await pool.request({ ...options, ...(signal && { signal }) });
      const bytes = new Uint8Array(await raw.body.arrayBuffer());
      answer = { status: raw.statusCode, headers: raw.headers, bytes };
    } catch (cause) {
      if (signal?.aborted) throw cause;
      return errorOfTransport(cause, url, isWrite(method));
    }
    session?.learn(token, textOf(answer.headers[sessionHeader]));
    if (answer.status < 400) return answer;
    const text = Buffer.from(answer.bytes).toString('utf8');
    const retryAfter = textOf(answer.headers['retry-after']);
    const told = { retryAfter, version: versionOf(answer), standing: standingOf(answer) };
    return errorOfAnswer(answer.status, text, told);
  }
}

function isWrite(method: HttpRequest['method']): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

function mayGoAgain({ method, headers }: HttpRequest, error: ClientError): boolean {
  if (error.nothingDone) return true;
  if (error.code !== 'indeterminate' && error.code !== 'upstream-timeout') return false;
  return !isWrite(method) || headers?.['idempotency-key'] !== undefined;
}

/** How long to wait before attempt number `attempt` + 1. */
export function pauseMs({ retryAfterSeconds }: ClientError, attempt: number): number {
  const backoffMs = Math.min(backoffMaxMs, backoffFirstMs * 2 ** (attempt - 1));
  const jittered = backoffMs / 2 + randomInt(0, Math.ceil(backoffMs / 2) + 1);
  const asked = Math.min(retryAfterMsMax, (retryAfterSeconds ?? 0) * 1000);
  return Math.max(asked, jittered);
}

export function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header;
}

/** The version that `ETag` tells. */
export function versionOf({ headers }: Pick<HttpAnswer, 'headers'>): string | undefined {
  return textOf(headers.etag)?.replace(/^"|"$/g, '');
}

/** Who answered, and how far behind. */
export function standingOf({ headers }: Pick<HttpAnswer, 'headers'>): Answer {
  const node = textOf(headers['driftless-node']);
  const position = textOf(headers['driftless-position']);
  const lagMs = numberOf(textOf(headers['driftless-lag-ms']));
  const lagOps = numberOf(textOf(headers['driftless-lag-ops']));
  return {
    ...(node !== undefined && { node }),
    ...(position !== undefined && { position }),
    ...(lagMs !== undefined && { lagMs }),
    ...(lagOps !== undefined && { lagOps }),
  };
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined || text === '' ? undefined : Number(text);
}
