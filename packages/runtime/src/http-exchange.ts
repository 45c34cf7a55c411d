/**
 * A plain request and its answer (http-plain.ts), as handlers see both. An answer is put together as the text
 * that goes out, byte for byte as Node would write it: so a caller can't tell who wrote it.
 */
import { Buffer } from 'node:buffer';
import { type IncomingHttpHeaders, STATUS_CODES } from 'node:http';
import { problemContentType } from '@driftless/contracts';
import type { HotRoute } from './http-plain.ts';
import type { Problem } from './http-problems.ts';
import type { TraceSpan } from './tracing/tracing.ts';

/** What handlers need of a request: the framework's has it as well. */
export interface PlainRequest {
  /** The request target as it came: what a router makes of it is for routing only. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Of a plain request: its bytes. */
  readonly body?: unknown;
  /** Where the request is traced. */
  readonly span?: TraceSpan | undefined;
}

/** What they need of its answer. Of the headers of a refused request, the content type is not sent. */
export interface PlainReply {
  header(name: string, value: string | number): PlainReply;
  type(contentType: string): PlainReply;
  code(status: number): PlainReply;
  send(body?: string | Uint8Array): unknown;
}

/** Where an answer goes. */
export interface AnswerSink {
  /** Whether the connection ends with this answer. */
  readonly isLast: boolean;
  /** Seconds that it stays open without a request. */
  readonly keepAliveSeconds: number;
  answer(exchange: PlainExchange, text: string, rest: Uint8Array | undefined): void;
}

/** Up to here a body is copied behind its head, so that both leave at once; a larger one goes by itself. */
const COPIED_BYTES_MAX = 16 * 1024;

/** As Node has it: what may not stand in a header's value. */
const oddValue = /[^\t -~\x80-\xff]/;

const noBody = Buffer.alloc(0);

export class PlainExchange implements PlainRequest, PlainReply {
  readonly route: HotRoute;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** That it has or, while it arrives, will have. */
  readonly bodyBytes: number;
  /** When it arrived, by the monotonic clock, milliseconds. */
  readonly at: number;
  body: Buffer = noBody;
  span: TraceSpan | undefined;
  status = 200;
  /** Bytes of the answer's body. */
  sentBytes = 0;
  readonly #sink: AnswerSink;
  #head = '';
  #type = '';

  constructor(
    head: { route: HotRoute; target: string; headers: IncomingHttpHeaders; bodyBytes: number },
    at: number,
    sink: AnswerSink,
  ) {
    this.route = head.route;
    this.url = head.target;
    this.headers = head.headers;
    this.bodyBytes = head.bodyBytes;
    this.at = at;
    this.#sink = sink;
  }

  header(name: string, value: string | number): this {
    this.#head += `${name}: ${typeof value === 'number' ? value : checked(value)}\r\n`;
    return this;
  }

  type(contentType: string): this {
    this.#type = `content-type: ${checked(contentType)}\r\n`;
    return this;
  }

  code(status: number): this {
    this.status = status;
    return this;
  }

  send(body?: string | Uint8Array): void {
    const text = typeof body === 'string' ? latin1Of(body) : '';
    const bytes = typeof body === 'object' ? body : noBody;
    this.sentBytes = text.length + bytes.length;
    const type = body === undefined ? '' : this.#type;
    const length = this.status === 204 || this.status === 304 ? '' : `content-length: ${this.sentBytes}\r\n`;
    const head = `${statusLine(this.status)}${this.#head}${type}${length}${dateLine()}${this.#fate()}\r\n`;
    const isCopied = bytes.length <= COPIED_BYTES_MAX;
    this.#sink.answer(
      this,
      isCopied ? head + text + latin1OfBytes(bytes) : head + text,
      isCopied ? undefined : bytes,
    );
  }

  /** Answers with a problem instead, and with the headers that were told so far. */
  refuse({ status, retryAfterSeconds, text }: Problem): void {
    if (retryAfterSeconds !== undefined) this.header('retry-after', retryAfterSeconds);
    this.code(status).type(problemContentType).send(text);
  }

  #fate(): string {
    if (this.#sink.isLast) return 'Connection: close\r\n';
    return `Connection: keep-alive\r\nKeep-Alive: timeout=${this.#sink.keepAliveSeconds}\r\n`;
  }
}

/** The error is that of Node, so it is told as one of ours. */
function checked(value: string): string {
  if (oddValue.test(value)) throw new TypeError('A header has a character that may not be in one.');
  return value;
}

/** Text whose Latin-1 is the UTF-8 of `text`. */
function latin1Of(text: string): string {
  return Buffer.byteLength(text) === text.length ? text : Buffer.from(text, 'utf8').toString('latin1');
}

function latin1OfBytes(bytes: Uint8Array): string {
  if (bytes.length === 0) return '';
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

const statusLines = new Map<number, string>();

function statusLine(status: number): string {
  const known = statusLines.get(status);
  if (known !== undefined) return known;
  const line = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`;
  statusLines.set(status, line);
  return line;
}

let dateSecond = 0;
let dateText = '';

/** Made anew each second. */
function dateLine(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = `Date: ${new Date(second * 1000).toUTCString()}\r\n`;
  }
  return dateText;
}
