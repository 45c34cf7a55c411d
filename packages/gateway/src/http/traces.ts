/**
 * The span of a request: it begins where the request comes in, by the word of its caller or by chance, and
 * ends with its answer. The answer tells it (`traceresponse`), so that a person can find the trace.
 */
import { DriftlessError, traceHeaders } from '@driftless/contracts';
import { CLIENT_LEFT_STATUS, type TraceSpan, type Tracing, tellOutcome } from '@driftless/runtime';
import type { Api } from './api.ts';
import type { Asking } from './exchange.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Where the request is traced. */
    span?: TraceSpan | undefined;
  }
}

/** Undefined where the request is not sampled. `route`: the pattern, which no key is part of. */
export function beginSpan(
  tracing: Tracing,
  method: string,
  route: string,
  { headers }: Pick<Asking, 'headers'>,
): TraceSpan | undefined {
  const span = tracing.serve(`${method} ${route}`, headers[traceHeaders.parent]);
  span?.set({ 'http.request.method': method, 'http.route': route });
  return span;
}

export function endSpan(span: TraceSpan, status: number): void {
  span.set({ 'http.response.status_code': status });
  span.end();
}

/** An error that the request ends with. */
export function tellError(span: TraceSpan, error: unknown): void {
  tellOutcome(span, error instanceof DriftlessError ? error.code : 'internal');
}

/** The requests that the framework serves; those of plain ones begin and end in plain.ts. */
export function traceRequests(api: Api, tracing: Tracing): void {
  api.decorateRequest('span', undefined);
  api.addHook('onRequest', (request, reply, done) => {
    const { method, routeOptions } = request;
    const span = beginSpan(tracing, method, routeOptions.url ?? '(none)', request);
    if (span !== undefined) {
      const { raw } = reply;
      raw.once('close', () => endSpan(span, raw.writableFinished ? raw.statusCode : CLIENT_LEFT_STATUS));
      request.span = span;
      request.log = request.log.child(span.fields);
      reply.header(traceHeaders.response, span.traceparent);
    }
    done();
  });
  api.addHook('onError', ({ span }, _reply, error, done) => {
    if (span !== undefined) tellError(span, error);
    done();
  });
}
