/**
 * A way past the framework, for the few routes that nearly all requests take: routing, hooks and a reply
 * object cost more than such a request does in itself.
 *
 *     request ──▶ shortcut ──takes it──▶ answer
 *                   │  └──fails──▶ refuse ─┐
 *                   └──leaves it──▶ framework: every other request, every error, all while closing
 *
 * The framework stays the only one that refuses: a shortcut leaves alone what it is in doubt about, and hands
 * over the error of what it took. So there is one place that writes problems, and a caller can't tell which
 * way its request went. Both ways are measured under the same names.
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { arrivalOf, CLIENT_LEFT_STATUS, type HttpMetrics } from './http-metrics.ts';
import type { TraceFields } from './tracing/tracing.ts';

/**
 * Takes a request and says by the pattern of its route that it did; undefined: it left the request as it was.
 * A request that it took is answered, and `sends` is told how many bytes its answer's body has; or `refuse`
 * is called: headers that are set on the response by then go with the problem.
 */
export type Shortcut = (
  request: IncomingMessage,
  response: ServerResponse,
  ways: ShortcutEnds,
) => string | undefined;

export interface ShortcutEnds {
  /** `trace`: what lines of the log about it carry. */
  refuse(error: Error, trace?: TraceFields): void;
  sends(bodyBytes: number): void;
}

export interface Refused {
  readonly error: Error;
  readonly trace: TraceFields | undefined;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

export class ShortcutServer {
  readonly #shortcut: Shortcut;
  readonly #metrics: HttpMetrics;
  /** What the framework is to tell, by request. */
  readonly #refused = new WeakMap<IncomingMessage, Refused>();
  #closing = false;

  constructor(shortcut: Shortcut, metrics: HttpMetrics) {
    this.#shortcut = shortcut;
    this.#metrics = metrics;
  }

  /** Of a request that a shortcut took and could not serve. */
  refused(request: IncomingMessage): Refused | undefined {
    return this.#refused.get(request);
  }

  /** From now on the framework gets every request. */
  close(): void {
    this.#closing = true;
  }

  createServer(options: ServerOptions, framework: Listener): Server {
    return createServer(options, (request, response) => {
      this.#metrics.opened(request, response);
      if (this.#closing || !this.#takes(request, response, framework)) framework(request, response);
    });
  }

  #takes(request: IncomingMessage, response: ServerResponse, framework: Listener): boolean {
    const from = arrivalOf(request);
    let sent: number | undefined;
    const route = this.#shortcut(request, response, {
      refuse: (error, trace) => {
        this.#refused.set(request, { error, trace });
        framework(request, response);
      },
      sends: (bodyBytes) => {
        sent = bodyBytes;
      },
    });
    if (route === undefined) return false;
    response.on('close', () => {
      const status = response.writableFinished ? response.statusCode : CLIENT_LEFT_STATUS;
      this.#metrics.ended(request, response, { route, from, status, sent });
    });
    return true;
  }
}
