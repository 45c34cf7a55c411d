/**
 * A way past Node's HTTP and the framework, for the few routes that nearly all requests take: there, streams,
 * routing, hooks and a reply object cost several times what such a request does in itself (ADR 0016).
 *
 *     connection ──▶ plain requests of hot routes, one after the other ──▶ answers
 *                      │  └──refused──▶ a problem, by the one place that writes them
 *                      └──the first that is not plain, and all while closing──▶ Node, for good
 *
 * A connection begins here. A request is plain when it is by a grammar that leaves no doubt about where it
 * ends and what it asks for (http-head.ts). At the first that isn't, the connection goes over to Node with
 * all bytes that were not read, and stays there: so Node's parser judges everything doubtful, and the
 * framework has the same routes. A caller can't tell which way its request went, and neither can metrics.
 */
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import { type ConnectionHost, PlainConnection } from './http-connection.ts';
import type { PlainExchange, PlainReply, PlainRequest } from './http-exchange.ts';
import { type HeadRoute, HeadRoutes } from './http-head.ts';
import { CLIENT_LEFT_STATUS, type HttpMetrics, type RouteMetrics } from './http-metrics.ts';
import type { ConnectionFault, Problems } from './http-problems.ts';
import { Turns } from './http-turns.ts';
import type { Logger } from './log.ts';

export interface HotRoute extends HeadRoute {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Given, when a head has come: an error that it is refused with, before its body is read. Never throws. */
  refusal?(request: PlainRequest): Error | undefined;
  /** Answers by `reply.send`, or rejects; never throws by itself. */
  handler(request: PlainRequest, reply: PlainReply): Promise<void>;
}

/** What is done beside all plain requests. */
export interface PlainHooks {
  /**
   * A head has come; the body, `bodyBytes` long, may be under way. Given: an error that it is refused with.
   * Whatever is returned, `ended` follows.
   */
  began?(exchange: PlainExchange): Error | undefined;
  /** It is refused with an error: that of `began`, or of its handler. */
  failed?(exchange: PlainExchange, error: unknown): void;
  /** It is over. `status`: that of its answer, or 499 when its client left before. */
  ended?(exchange: PlainExchange, status: number): void;
}

export interface PlainOptions {
  readonly routes: readonly HotRoute[];
  readonly hooks?: PlainHooks | undefined;
  /** How many requests one turn of the event loop begins. Default: 256. */
  readonly turnRequestsMax?: number | undefined;
}

/** More than usual loads bring together, and a few milliseconds of work. */
const TURN_REQUESTS_MAX = 256;

/** All in milliseconds. */
export interface PlainTimeouts {
  /** Longest time that a request may take to arrive, from its first byte, or from that of its connection. */
  readonly requestTimeout: number;
  /** How long a connection may be idle, as its client is told. */
  readonly keepAliveTimeout: number;
  /** And how much longer it is kept, so that no request meets its end. */
  readonly keepAliveSlack: number;
  /** How often connections are looked at for these. */
  readonly sweepInterval: number;
}

export interface PlainServerParts {
  readonly plain: PlainOptions;
  readonly timeouts: PlainTimeouts;
  readonly metrics: HttpMetrics;
  readonly problems: Problems;
  readonly logger: Logger;
  /** Names the next request, where it has to be named. */
  readonly nextId: () => string;
}

export class PlainServer implements ConnectionHost {
  readonly routes: HeadRoutes<HotRoute>;
  readonly timeouts: PlainTimeouts;
  readonly turns: Turns;
  readonly #parts: PlainServerParts;
  readonly #hooks: PlainHooks;
  readonly #metrics = new Map<HotRoute, RouteMetrics>();
  readonly #connections = new Set<PlainConnection>();
  #sweep: NodeJS.Timeout | undefined;
  #isClosing = false;

  constructor(parts: PlainServerParts) {
    const { routes, hooks = {}, turnRequestsMax = TURN_REQUESTS_MAX } = parts.plain;
    this.#parts = parts;
    this.#hooks = hooks;
    this.routes = new HeadRoutes(routes);
    this.timeouts = parts.timeouts;
    this.turns = new Turns(turnRequestsMax);
    for (const route of routes) this.#metrics.set(route, parts.metrics.ofRoute(route.method, route.url));
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** A server of Node whose connections begin here. */
  createServer(options: ServerOptions, framework: RequestListener): Server {
    const server = createServer(options, framework);
    if (this.routes.known.length === 0) return server;
    const listeners = server.listeners('connection');
    const toNode = (socket: Socket): void => {
      for (const listener of listeners) listener.call(server, socket);
    };
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      this.#connections.add(new PlainConnection(socket, this, toNode));
    });
    this.#sweep ??= setInterval(() => this.#check(), this.timeouts.sweepInterval).unref();
    return server;
  }

  /** From now on Node gets every request, and what is idle ends. */
  close(): void {
    this.#isClosing = true;
    for (const connection of this.#connections) connection.close();
  }

  /** All connections have ended. */
  closed(): void {
    clearInterval(this.#sweep);
  }

  began(exchange: PlainExchange): Error | undefined {
    this.#metrics.get(exchange.route)?.began();
    return this.#hooks.began?.(exchange) ?? exchange.route.refusal?.(exchange);
  }

  serve(exchange: PlainExchange): void {
    exchange.route.handler(exchange, exchange).catch((error) => this.refuse(exchange, error));
  }

  refuse(exchange: PlainExchange, error: unknown): void {
    this.#hooks.failed?.(exchange, error);
    const { problems, logger, nextId } = this.#parts;
    const reqId = nextId();
    exchange.refuse(problems.of(error, reqId, () => logger.child({ reqId, ...exchange.span?.fields })));
  }

  ended(exchange: PlainExchange, status = CLIENT_LEFT_STATUS): void {
    const { route, at, bodyBytes, sentBytes } = exchange;
    this.#metrics.get(route)?.ended(status, (performance.now() - at) / 1000, bodyBytes, sentBytes);
    this.#hooks.ended?.(exchange, status);
  }

  fault(socket: Socket, error: ConnectionFault): void {
    this.#parts.problems.sendRaw(error, socket);
  }

  forget(connection: PlainConnection): void {
    this.#connections.delete(connection);
  }

  #check(): void {
    const now = performance.now();
    for (const connection of this.#connections) connection.check(now);
  }
}
