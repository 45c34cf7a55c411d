/**
 * The way to one node: kept connections, one circuit breaker, frames out and in.
 *
 * The breaker counts what says that the *node* is sick: no connection, no answer, a fault of its own. A
 * refusal ("I don't lead this shard") is the answer of a healthy node. An open circuit costs callers nothing
 * but the certainty that nothing was sent.
 */
import { Buffer } from 'node:buffer';
import {
  decodeFrame,
  type ErrorCode,
  encodeFrame,
  frameContentType,
  isErrorCode,
  type ListAnswer,
  type ListHeader,
  type ReadAnswer,
  type ReadHeader,
  type WriteAnswer,
  type WriteHeader,
} from '@driftless/contracts';
import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
} from 'cockatiel';
import type { HttpAnswer } from '../core/http-answer.ts';
import { type FailureDetails, HopError, kindOfAnswer } from '../core/outcome.ts';
import type { GatewayTelemetry, HopOperation } from '../telemetry.ts';
import { NotConnected } from './wire.ts';
import { Wires } from './wires.ts';

export interface ConnectionOptions {
  connectTimeoutMs: number;
  /** How long a node may take to answer, by operation, milliseconds. */
  answerTimeoutMs: Record<HopOperation, number>;
  connectionsMax: number;
  circuitFailuresMax: number;
  circuitOpenMs: number;
}

export interface Framed<Answer> {
  answer: Answer;
  /** The payloads, in the order of the answer's results or entries. */
  body: Uint8Array;
}

/** Whether an answer has all that was asked for, in this many bytes of payloads. */
type IsWhole<Answer> = (candidate: Partial<Answer>, payloadBytes: number) => boolean;

/** A way to one node. Every call throws `HopError`. */
export interface Hop {
  readonly node: string;
  readonly url: string;
  readonly circuit: Circuit;
  write(header: WriteHeader, values: readonly Uint8Array[]): Promise<WriteAnswer>;
  /** `waitMs`: how long the node was allowed to wait before it answers. */
  read(header: ReadHeader, waitMs?: number): Promise<Framed<ReadAnswer>>;
  list(header: ListHeader): Promise<Framed<ListAnswer>>;
  /** Lets what is under way end. */
  close(): Promise<void>;
}

export type Circuit = 'closed' | 'half-open' | 'open';

const noBytes = new Uint8Array(0);

export class NodeConnection implements Hop {
  readonly node: string;
  readonly url: string;
  readonly #wires: Wires;
  readonly #heads: Record<HopOperation, Buffer>;
  readonly #breaker: CircuitBreakerPolicy;
  readonly #options: ConnectionOptions;
  readonly #telemetry: GatewayTelemetry;

  constructor(node: string, url: string, options: ConnectionOptions, telemetry: GatewayTelemetry) {
    this.node = node;
    this.url = url;
    this.#options = options;
    this.#telemetry = telemetry;
    this.#wires = new Wires(url, options);
    const { host } = new URL(url);
    this.#heads = { write: headOf('write', host), read: headOf('read', host), list: headOf('list', host) };
    this.#breaker = circuitBreaker(handleWhen(isSickness), {
      breaker: new ConsecutiveBreaker(options.circuitFailuresMax),
      halfOpenAfter: options.circuitOpenMs,
    });
  }

  get circuit(): Circuit {
    switch (this.#breaker.state) {
      case CircuitState.Closed:
        return 'closed';
      case CircuitState.HalfOpen:
        return 'half-open';
      default:
        return 'open';
    }
  }

  async write(header: WriteHeader, values: readonly Uint8Array[]): Promise<WriteAnswer> {
    const { answer } = await this.#ask<WriteAnswer>(
      'write',
      this.#request('write', header, values),
      (candidate) => {
        return candidate.results?.length === header.operations.length && candidate.position !== undefined;
      },
    );
    return answer;
  }

  read(header: ReadHeader, waitMs = 0): Promise<Framed<ReadAnswer>> {
    const isWhole: IsWhole<ReadAnswer> = (candidate, bytes) => {
      const { results, standings } = candidate;
      if (results?.length !== header.reads.length || standings === undefined) return false;
      return bytes === results.reduce((sum, result) => sum + ('bytes' in result ? result.bytes : 0), 0);
    };
    return this.#ask('read', this.#request('read', header), isWhole, waitMs);
  }

  list(header: ListHeader): Promise<Framed<ListAnswer>> {
    const isWhole: IsWhole<ListAnswer> = (candidate, bytes) => {
      const { entries, standing } = candidate;
      if (entries === undefined || standing === undefined) return false;
      return bytes === (header.values ? entries.reduce((sum, entry) => sum + entry.bytes, 0) : 0);
    };
    return this.#ask('list', this.#request('list', header), isWhole, header.waitMs);
  }

  async close(): Promise<void> {
    await this.#wires.close();
  }

  /** Head and frame in one buffer. */
  #request(operation: HopOperation, header: unknown, payloads: readonly Uint8Array[] = []): Buffer {
    const head = this.#heads[operation];
    const request = encodeFrame(header, payloads, head.length);
    head.copy(request);
    const length = String(request.length - head.length);
    request.write(length, head.length - headEnd.length - length.length, 'latin1');
    return request;
  }

  async #ask<Answer>(
    operation: HopOperation,
    request: Buffer,
    isWhole: IsWhole<Answer>,
    waitMs = 0,
  ): Promise<Framed<Answer>> {
    const startedAt = performance.now();
    let outcome = 'answered';
    try {
      return await this.#breaker.execute(() => this.#send(operation, request, isWhole, waitMs));
    } catch (error) {
      const failure = hopErrorOf(error, this.node);
      outcome = failure.kind;
      throw failure;
    } finally {
      this.#telemetry.hopEnded(this.node, operation, outcome, (performance.now() - startedAt) / 1000);
    }
  }

  async #send<Answer>(
    operation: HopOperation,
    bytes: Buffer,
    isWhole: IsWhole<Answer>,
    waitMs: number,
  ): Promise<Framed<Answer>> {
    const deadlineAt = performance.now() + this.#options.answerTimeoutMs[operation] + waitMs;
    const { status, body } = await new Promise<HttpAnswer>((resolve, reject) => {
      const settle = (outcome: HttpAnswer | Error): void =>
        outcome instanceof Error ? reject(outcome) : resolve(outcome);
      this.#wires.send({ bytes, deadlineAt, settle });
    });
    if (status !== 200) throw refusalOf(status, body, this.node);
    // The answer to a write is JSON alone (contracts/hop.ts): it has no payloads.
    const decoded = operation === 'write' ? { header: jsonOf(body), body: noBytes } : decodeFrame(body);
    const answer = decoded.header as Partial<Answer>;
    if (typeof answer !== 'object' || answer === null || !isWhole(answer, decoded.body.length)) {
      throw new HopError('unanswered', 'internal', `${this.node} answered something else than was asked.`);
    }
    return { answer: answer as Answer, body: decoded.body };
  }
}

const headEnd = '\r\n\r\n';
/** Room for the length of a frame, in digits; what they don't need stays blank. */
const lengthChars = 10;

/** The head of all requests of this operation, but for the length of what follows. */
function headOf(operation: HopOperation, host: string): Buffer {
  const lines = [`POST /node/v1/${operation} HTTP/1.1`, `host: ${host}`, `content-type: ${frameContentType}`];
  const head = [...lines, `content-length: ${' '.repeat(lengthChars)}`].join('\r\n');
  return Buffer.from(`${head}${headEnd}`, 'latin1');
}

function isSickness(error: unknown): boolean {
  if (!(error instanceof HopError)) return true;
  return error.kind === 'unanswered' || error.kind === 'not-sent';
}

function jsonOf(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')) as unknown;
}

function refusalOf(status: number, bytes: Uint8Array, node: string): HopError {
  let code: ErrorCode = 'internal';
  let detail = '';
  let more: FailureDetails = {};
  try {
    const problem = jsonOf(bytes) as { code?: unknown; detail?: unknown } & FailureDetails;
    more = { lost: problem.lost, stalenessMs: problem.stalenessMs };
    if (typeof problem.code === 'string' && isErrorCode(problem.code)) code = problem.code;
    if (typeof problem.detail === 'string') detail = `: ${problem.detail}`;
  } catch {
    // Not a problem detail: then the status alone has to do.
  }
  return new HopError(kindOfAnswer(status, code), code, `${node} answered ${status}${detail}`, { more });
}

function hopErrorOf(error: unknown, node: string): HopError {
  if (error instanceof HopError) return error;
  if (error instanceof BrokenCircuitError) {
    const message = `${node} failed so often lately that it is left alone for a moment.`;
    return new HopError('not-sent', 'replica-unavailable', message, { cause: error });
  }
  const kind = error instanceof NotConnected ? 'not-sent' : 'unanswered';
  const message = kind === 'not-sent' ? `${node} takes no connections.` : `${node} did not answer.`;
  const code = kind === 'not-sent' ? 'replica-unavailable' : 'upstream-timeout';
  return new HopError(kind, code, message, { cause: error });
}
