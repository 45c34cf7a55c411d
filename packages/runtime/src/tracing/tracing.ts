/**
 * Traces: what one request, one batch or one round did in every process that it came through, as spans that
 * are sent to a collector by OTLP (docs/tracing.md says which there are).
 *
 *     off, as long as no endpoint is configured    `undefined` stands in the place of `Tracing`: whoever
 *                                                  traces asks for that, and the SDK is not even loaded
 *     not sampled                                  no span, and nothing is told to the next process
 *     sampled                                      a `TraceSpan` is handed on, as an argument; what the next
 *                                                  process is told is its `traceparent`
 *
 * It is decided once, where a request comes in: by its caller, or by chance. Everybody after that traces what
 * is marked. There is no ambient context: that would cost every request, also those that nobody traces.
 * Attributes are positions, counts, levels and names of nodes; never keys or values.
 */
import type { TraceContext } from '@driftless/contracts';
import type { Logger } from '../log.ts';
import type { Telemetry } from '../telemetry.ts';
import { loadTracingConfig } from './config.ts';
import { countExports } from './exports.ts';

export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** What a span is to others: the answering side of a call, the asking one, either end of an event. */
export type SpanRole = 'internal' | 'server' | 'client' | 'producer' | 'consumer';

export interface SpanOptions {
  /** Default: internal. */
  readonly role?: SpanRole;
  /** When it began, by the monotonic clock, milliseconds. Default: now. */
  readonly at?: number;
  /** Other spans that it comes from. */
  readonly links?: readonly TraceContext[];
  readonly attributes?: SpanAttributes;
}

/** Under these names the lines of a log carry the span that they were written in. */
export interface TraceFields {
  readonly trace_id: string;
  readonly span_id: string;
}

export interface TraceSpan {
  readonly context: TraceContext;
  /** What the next process is told. */
  readonly traceparent: string;
  readonly fields: TraceFields;
  set(attributes: SpanAttributes): void;
  event(name: string, attributes?: SpanAttributes): void;
  link(to: TraceContext): void;
  /** It did not do what it was to do. `code`: of a closed list. */
  fail(code: string): void;
  /** `at`: by the monotonic clock, milliseconds; default: now. */
  end(at?: number): void;
  child(name: string, options?: SpanOptions): TraceSpan;
}

/** Spans of a work of which it shows only at its end whether they are kept. */
export interface HeldSpans {
  /** The one above all. */
  readonly root: TraceSpan;
  /**
   * Sends the spans that have ended where the work is sampled or there is something to tell of it, or forgets
   * them. Whether they were sent.
   */
  settle(news: boolean): boolean;
}

export interface Tracing {
  /** The span of a request that came in; undefined where it isn't sampled. */
  serve(name: string, traceparent: unknown, options?: SpanOptions): TraceSpan | undefined;
  /** A span under one of another process, which has decided. */
  follow(name: string, parent: TraceContext, options?: SpanOptions): TraceSpan;
  /** `parent`: absent where the work begins a trace; then chance decides whether it is sampled. */
  hold(name: string, parent: TraceContext | undefined, options?: SpanOptions): HeldSpans;
  /** Sends what is still here, for as long as a process that ends has time for it. */
  shutdown(): Promise<void>;
}

export interface TracingOptions {
  /** Kind of process: `store-node`, `gateway`, … */
  readonly service: string;
  /** Which one of them: `node-1`, … */
  readonly instance: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
}

/** Undefined where tracing is off. Throws `ConfigError`. */
export async function startTracing(options: TracingOptions): Promise<Tracing | undefined> {
  const { service, instance, env, telemetry, logger } = options;
  const { url, ratio, serviceName = service } = loadTracingConfig(env);
  const exports = countExports(telemetry, logger);
  if (url === undefined) return undefined;
  const { SdkTracing } = await import('./sdk.ts');
  // Its host alone: the rest may hold a secret.
  logger.info({ to: new URL(url).host, ratio }, 'traces are sent');
  return new SdkTracing({ service: serviceName, instance, url, ratio, exports });
}
