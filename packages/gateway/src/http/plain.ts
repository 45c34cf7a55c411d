/**
 * Plain requests of the hot routes (runtime/http-plain.ts): the handlers are the framework's own; what the
 * room of the public routes does beside them (api.ts, traces.ts) is done here for those that pass it by.
 */
import { traceHeaders } from '@driftless/contracts';
import type { HotRoute, PlainExchange, PlainOptions, Tracing } from '@driftless/runtime';
import type { Admission } from '../core/admission.ts';
import { tooManyRequests } from './api.ts';
import { beginSpan, endSpan, tellError } from './traces.ts';

export interface PlainParts {
  admission: Admission;
  /** Undefined where tracing is off. */
  tracing: Tracing | undefined;
  /** A request was told 429. */
  onShed(): void;
}

export function plainRequests(routes: readonly HotRoute[], parts: PlainParts): PlainOptions {
  const { admission, tracing, onShed } = parts;
  /** Those that were told to go away; few, and not for long. */
  const shed = new Set<PlainExchange>();
  const began = (exchange: PlainExchange): Error | undefined => {
    if (tracing !== undefined) trace(tracing, exchange);
    if (admission.enter(exchange.bodyBytes)) return undefined;
    shed.add(exchange);
    onShed();
    return tooManyRequests;
  };
  const failed = ({ span }: PlainExchange, error: unknown): void => {
    if (span !== undefined) tellError(span, error);
  };
  const ended = (exchange: PlainExchange, status: number): void => {
    if (!shed.delete(exchange)) admission.leave(exchange.bodyBytes);
    if (exchange.span !== undefined) endSpan(exchange.span, status);
  };
  return { routes, hooks: { began, failed, ended } };
}

function trace(tracing: Tracing, exchange: PlainExchange): void {
  const { method, url } = exchange.route;
  exchange.span = beginSpan(tracing, method, url, exchange);
  if (exchange.span !== undefined) exchange.header(traceHeaders.response, exchange.span.traceparent);
}
