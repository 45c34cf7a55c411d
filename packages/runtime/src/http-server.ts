/**
 * The HTTP server that every process has: health, metrics, problems, and the process's own routes.
 *
 *   /livez    200 as long as the process turns. Restart it when this fails.
 *   /readyz   200 when it can serve, else 503 with the reason. Send it no traffic when this fails.
 *   /metrics  Prometheus text.
 *
 * Schemas are zod, for requests, answers and the OpenAPI document. Errors leave as RFC 9457 problem
 * details, whoever raised them: a route, the framework, the router, or Node's own HTTP parser. Every
 * answer is counted in one histogram, labelled by the route's pattern: the raw path would make a time
 * series of every key in the store.
 *
 * The server is returned before it listens, so that tests can `inject()` and `main.ts` decides the port.
 */
import type { Socket } from 'node:net';
import { DriftlessError, problemOf } from '@driftless/contracts';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  fastify,
  LogController,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify';
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import { HttpMetrics } from './http-metrics.ts';
import { type PlainOptions, PlainServer, type PlainTimeouts } from './http-plain.ts';
import { Problems } from './http-problems.ts';
import type { Logger } from './log.ts';
import type { ToProblem } from './problem.ts';
import type { Telemetry } from './telemetry.ts';

export type HttpServer = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export interface ReadyState {
  readonly ok: boolean;
  readonly reason?: string | undefined;
}

export interface OpenApiOptions {
  readonly title: string;
  readonly version: string;
  readonly description?: string | undefined;
}

export interface HttpServerOptions {
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** Largest request body, in bytes. A route may set its own. */
  readonly bodyLimit: number;
  readonly ready: () => ReadyState;
  /** Errors → problem details. Default: the table of codes in `contracts`. */
  readonly toProblem?: ToProblem | undefined;
  /** Given: `/openapi.json`, and Swagger UI at `/docs`. */
  readonly openapi?: OpenApiOptions | undefined;
  /** Given: the routes that plain requests take past the framework. They are the framework's as well. */
  readonly plain?: PlainOptions | undefined;
  /** Of connections. Default: those below. */
  readonly timeouts?: Partial<PlainTimeouts> | undefined;
}

const TIMEOUTS_MS: PlainTimeouts = {
  /** Longer than the idle time of usual load balancers, 60 s: they close first, and no request is lost. */
  keepAliveTimeout: 75_000,
  keepAliveSlack: 1000,
  /** How long a request may take to arrive in full: the bound on slow senders. */
  requestTimeout: 30_000,
  sweepInterval: 1000,
};
/** How often, while it closes, connections are looked for whose last answer has gone out. */
const CLOSE_SWEEP_INTERVAL_MS = 50;
/** A key of 512 bytes is up to 1,536 characters when every byte is percent-encoded. */
const PATH_PARAMETER_CHARS_MAX = 4096;

export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { logger, plain = { routes: [] } } = options;
  const problems = new Problems(options.toProblem ?? problemOf);
  const metrics = new HttpMetrics(options.telemetry);
  const timeouts = { ...TIMEOUTS_MS, ...options.timeouts };
  const { keepAliveTimeout, requestTimeout, sweepInterval } = timeouts;
  const nextId = idsOfRequests();
  const plainServer = new PlainServer({ plain, timeouts, metrics, problems, logger, nextId });
  const app: HttpServer = fastify({
    serverFactory: (framework) => {
      const nodes = { keepAliveTimeout, requestTimeout, connectionsCheckingInterval: sweepInterval };
      return plainServer.createServer(nodes, (request, response) => {
        metrics.opened(request, response);
        framework(request, response);
      });
    },
    genReqId: nextId,
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyLimit,
    keepAliveTimeout,
    requestTimeout,
    routerOptions: { maxParamLength: PATH_PARAMETER_CHARS_MAX },
    forceCloseConnections: 'idle',
    // The framework's own 503 is no problem document, and is not counted; refuseWhileClosing answers instead.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) =>
      problems.send(error, request, reply as unknown as FastifyReply),
    clientErrorHandler: (error, socket) => problems.sendRaw(error, socket as Socket),
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler((error, request, reply) => problems.send(error, request, reply));
  measureRequests(app, metrics);
  refuseUnknownRoutes(app, problems);
  refuseWhileClosing(app, plainServer);
  if (options.openapi !== undefined) await serveOpenApi(app, options.openapi);
  serveHealth(app, options);
  return app;
}

/** 405 where the path exists under another method, else 404. The framework knows only the latter. */
function refuseUnknownRoutes(app: HttpServer, problems: Problems): void {
  const routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    routes.push({ pattern: patternOf(url), methods: [method].flat() });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const methods = routes.filter(({ pattern }) => pattern.test(path)).flatMap((route) => route.methods);
    const allowed = [...new Set(methods)].sort().join(', ');
    const error =
      allowed === ''
        ? new DriftlessError('not-found', 'Nothing is served under this path.')
        : new DriftlessError('method-not-allowed', `Allowed here: ${allowed}.`);
    if (allowed !== '') reply.header('allow', allowed);
    problems.send(error, request, reply);
  });
}

/** `/v1/kv/:key` → `^/v1/kv/[^/]+$`. */
function patternOf(url: string): RegExp {
  const parts = url.split('/').map((part) => {
    if (part.startsWith(':')) return '[^/]+';
    return part.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace('*', '.*');
  });
  return new RegExp(`^${parts.join('/')}$`);
}

/**
 * Connections that were busy when the server began to close can still bring requests. Or they bring none:
 * Node closes the idle ones once, at the beginning, and would wait for a caller who keeps his open after the
 * last answer.
 */
function refuseWhileClosing(app: HttpServer, plain: PlainServer): void {
  let closing = false;
  let sweep: NodeJS.Timeout | undefined;
  app.addHook('preClose', (done) => {
    closing = true;
    plain.close();
    sweep = setInterval(() => app.server.closeIdleConnections(), CLOSE_SWEEP_INTERVAL_MS);
    done();
  });
  app.addHook('onClose', async () => {
    clearInterval(sweep);
    plain.closed();
  });
  app.addHook('onRequest', (_request, _reply, done) => {
    done(closing ? new DriftlessError('shutting-down', 'This process takes no new requests.') : undefined);
  });
}

function measureRequests(app: HttpServer, metrics: HttpMetrics): void {
  app.addHook('onRequest', ({ raw, routeOptions }, _reply, done) => {
    metrics.began(raw, routeOptions.url);
    done();
  });
  app.addHook('onResponse', ({ raw }, reply, done) => {
    const length = reply.getHeader('content-length');
    const sent = length === undefined ? undefined : Number(length);
    metrics.ended(raw, reply.raw, { ...metrics.beganAs(raw), status: reply.statusCode, sent });
    done();
  });
}

/** Names for what a server tells of single requests, in answers and in its log. */
function idsOfRequests(): () => string {
  let last = 0;
  return () => {
    last = (last + 1) % Number.MAX_SAFE_INTEGER;
    return `req-${last.toString(36)}`;
  };
}

async function serveOpenApi(app: HttpServer, { title, version, description }: OpenApiOptions): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title, version, ...(description === undefined ? {} : { description }) },
    },
    transform: jsonSchemaTransform,
  });
  await app.register(swaggerUi, { routePrefix: '/docs' });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
}

function serveHealth(app: HttpServer, { ready, telemetry }: HttpServerOptions): void {
  app.get('/livez', { schema: { hide: true } }, () => ({ status: 'live' }));
  app.get('/readyz', { schema: { hide: true } }, (_request, reply) => {
    const { ok, reason } = ready();
    return ok ? reply.send({ status: 'ready' }) : reply.code(503).send({ status: 'not ready', reason });
  });
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await telemetry.metricsText());
  });
}
