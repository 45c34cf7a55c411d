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

/**
 * Takes a request and says by the pattern of its route that it did; undefined: it left the request as it was.
 * A request that it took is answered, or `refuse` is called: headers that are set on the response by then go
 * with the problem.
 */
export type Shortcut = (
  request: IncomingMessage,
  response: ServerResponse,
  refuse: (error: Error) => void,
) => string | undefined;

type Listener = (request: IncomingMessage, response: ServerResponse) => void;
/** An answer has gone out in full. */
type Measure = (method: string, route: string, status: number, seconds: number) => void;

export class ShortcutServer {
  readonly #shortcut: Shortcut;
  readonly #measure: Measure;
  /** What the framework is to tell, by request. */
  readonly #errors = new WeakMap<IncomingMessage, Error>();
  #closing = false;

  constructor(shortcut: Shortcut, measure: Measure) {
    this.#shortcut = shortcut;
    this.#measure = measure;
  }

  /** The error of a request that a shortcut took and could not serve. */
  errorOf(request: IncomingMessage): Error | undefined {
    return this.#errors.get(request);
  }

  /** From now on the framework gets every request. */
  close(): void {
    this.#closing = true;
  }

  createServer(options: ServerOptions, framework: Listener): Server {
    return createServer(options, (request, response) => {
      if (this.#closing || !this.#takes(request, response, framework)) framework(request, response);
    });
  }

  #takes(request: IncomingMessage, response: ServerResponse, framework: Listener): boolean {
    const startedAt = performance.now();
    const route = this.#shortcut(request, response, (error) => {
      this.#errors.set(request, error);
      framework(request, response);
    });
    if (route === undefined) return false;
    response.on('finish', () => {
      const seconds = (performance.now() - startedAt) / 1000;
      this.#measure(request.method ?? '', route, response.statusCode, seconds);
    });
    return true;
  }
}
