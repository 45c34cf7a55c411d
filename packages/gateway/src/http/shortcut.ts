/**
 * The shortcut of the hot routes (runtime/http-shortcut.ts): the handlers are the framework's own, and only
 * what is plain is taken: a target without escapes, a body of a told length that fits, room for one more. So
 * there is nothing here to refuse; whatever is not plain goes the long way.
 */
import { Buffer } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { traceHeaders } from '@driftless/contracts';
import type { Shortcut, ShortcutEnds, TraceSpan, Tracing } from '@driftless/runtime';
import type { Admission } from '../core/admission.ts';
import type { Answering, Asking } from './exchange.ts';
import { beginSpan, tellError } from './traces.ts';

export interface HotRoute {
  method: 'GET' | 'PUT' | 'POST';
  /** Pattern of the route in the framework: a path that ends in `/*`. */
  url: string;
  /** 0: the route takes no body. */
  bodyBytesMax: number;
  handler(request: Asking, reply: Answering): Promise<void>;
}

/** Longer targets go the long way: keys that long are refused there. */
const targetCharsMax = 2048;
const plainTarget = /^[!-$&-~]*$/;
const plainType = /^[a-z]+\/[a-z0-9.+-]+$/;

export function shortcutOf(
  routes: readonly HotRoute[],
  admission: Admission,
  tracing: Tracing | undefined,
): Shortcut {
  const known = routes.map((route) => ({ ...route, prefix: route.url.slice(0, -1) }));
  return (request, response, { refuse, sends }) => {
    const { method, url = '' } = request;
    const route = known.find((one) => one.method === method && url.startsWith(one.prefix));
    if (route === undefined || url.length > targetCharsMax || !plainTarget.test(url)) return undefined;
    const bytes = plainBodyBytes(request.headers, route.bodyBytesMax);
    if (bytes === undefined || !admission.enter(bytes)) return undefined;
    response.on('close', () => admission.leave(bytes));
    const span = tracing && beginSpan(tracing, route.method, route.url, request, response);
    const exchange = new Exchange(request, response, sends, span);
    if (span !== undefined) exchange.header(traceHeaders.response, span.traceparent);
    const serve = (): void => {
      route.handler(exchange, exchange).catch((error) => {
        exchange.leaveHeaders();
        if (span !== undefined) tellError(span, error);
        refuse(error, span?.fields);
      });
    };
    if (bytes === 0) serve();
    else exchange.receive(serve);
    return route.url;
  };
}

/** Length of a body that can be taken as it comes; undefined when that isn't plain. */
function plainBodyBytes(headers: IncomingHttpHeaders, bytesMax: number): number | undefined {
  if (headers['transfer-encoding'] !== undefined) return undefined;
  const said = headers['content-length'];
  if (said === undefined) return 0;
  const type = headers['content-type'];
  const bytes = Number(said);
  return bytes <= bytesMax && (type === undefined || plainType.test(type)) ? bytes : undefined;
}

/** A request and its answer, as the handlers see both. */
class Exchange implements Asking, Answering {
  readonly raw: IncomingMessage;
  readonly headers: IncomingHttpHeaders;
  body: Buffer | undefined;
  readonly span: TraceSpan | undefined;
  readonly #response: ServerResponse;
  readonly #sends: ShortcutEnds['sends'];
  /** Names and values in turn, as they go out. */
  readonly #head: string[] = [];
  #status = 200;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    sends: ShortcutEnds['sends'],
    span: TraceSpan | undefined,
  ) {
    this.raw = request;
    this.headers = request.headers;
    this.#response = response;
    this.#sends = sends;
    this.span = span;
  }

  /** A request that breaks off is never whole; its response closes. */
  receive(onWhole: () => void): void {
    const chunks: Buffer[] = [];
    this.raw.on('data', (chunk: Buffer) => chunks.push(chunk));
    this.raw.on('end', () => {
      this.body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
      onWhole();
    });
  }

  header(name: string, value: string | number): this {
    this.#head.push(name, String(value));
    return this;
  }

  code(status: number): this {
    this.#status = status;
    return this;
  }

  send(body?: string | Uint8Array): void {
    const bytes = body === undefined ? 0 : Buffer.byteLength(body);
    if (body !== undefined) this.header('content-length', bytes);
    this.#sends(bytes);
    this.#response.writeHead(this.#status, this.#head);
    this.#response.end(body);
  }

  /** Puts on the response what was told so far, but for what describes a body that is not sent. */
  leaveHeaders(): void {
    for (let i = 0; i < this.#head.length; i += 2) {
      const name = this.#head[i] as string;
      if (!name.startsWith('content-')) this.#response.setHeader(name, this.#head[i + 1] as string);
    }
  }
}
