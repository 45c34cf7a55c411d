/**
 * Tracing by the OpenTelemetry SDK; loaded only where traces are sent. It makes and sends spans; what is
 * sampled was decided before (tracing.ts), so its own sampler takes all.
 *
 * What waits to be sent is bounded, spans under way to the receiver among it: past `spansPendingMax` those
 * that end are dropped and counted. A receiver that is away costs that memory and a failed request now and
 * then, and nobody waits for it.
 */
import { formatTraceparent, parseTraceparent, type TraceContext } from '@driftless/contracts';
import {
  type Attributes,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import packageFile from '../../package.json' with { type: 'json' };
import type { SpanExports } from './exports.ts';
import { epochMs } from './time.ts';
import type {
  HeldSpans,
  SpanAttributes,
  SpanOptions,
  SpanRole,
  TraceFields,
  TraceSpan,
  Tracing,
} from './tracing.ts';

/** Spans that have ended and wait for the receiver, those under way to it among them. */
export const spansPendingMax = 4096;
const spansPerRequestMax = 512;
/** How long spans gather before they are sent, milliseconds. */
const sendEveryMs = 1000;
/** How long the receiver may take, with all attempts, milliseconds. */
const sendTimeoutMs = 5000;
/** How long a process that ends waits for the receiver, milliseconds. */
const shutdownTimeoutMs = 1000;
/** Spans of one work that are held until it is known whether they are kept. */
const spansHeldMax = 256;

const kinds: Record<SpanRole, SpanKind> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

export interface SdkTracingOptions {
  service: string;
  instance: string;
  url: string;
  ratio: number;
  exports: SpanExports;
  /** Default: by OTLP, to `url`. */
  exporter?: SpanExporter;
}

export class SdkTracing implements Tracing {
  readonly #ratio: number;
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;

  constructor({ service, instance, url, ratio, exports, exporter }: SdkTracingOptions) {
    this.#ratio = ratio;
    const resource = resourceFromAttributes({
      'service.name': service,
      'service.namespace': 'driftless',
      'service.instance.id': instance,
      'service.version': packageFile.version,
    });
    const to = exporter ?? new OTLPTraceExporter({ url, timeoutMillis: sendTimeoutMs });
    const spanProcessors = [new BoundedSpans(to, exports)];
    this.#provider = new TracerProvider({ resource, sampler: new AlwaysOnSampler(), spanProcessors });
    this.#tracer = this.#provider.getTracer('driftless', packageFile.version);
  }

  serve(name: string, traceparent: unknown, options?: SpanOptions): TraceSpan | undefined {
    const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
    if (!(parent === undefined ? this.#toss() : parent.sampled)) return undefined;
    return this.#start(name, parent, { role: 'server', ...options });
  }

  follow(name: string, parent: TraceContext, options?: SpanOptions): TraceSpan {
    return this.#start(name, parent, options);
  }

  hold(name: string, parent: TraceContext | undefined, options?: SpanOptions): HeldSpans {
    const held: Held = { sampled: parent?.sampled ?? this.#toss(), ends: [] };
    const root = this.#start(name, parent, options, held);
    return {
      root,
      settle(news) {
        const kept = held.sampled || news;
        if (kept) for (const end of held.ends) end();
        held.ends.length = 0;
        return kept;
      },
    };
  }

  async shutdown(): Promise<void> {
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, shutdownTimeoutMs).unref());
    // What it could not send is counted already, and nobody reads the count any more.
    await Promise.race([this.#provider.shutdown().catch(() => undefined), timeout]);
  }

  #toss(): boolean {
    return Math.random() < this.#ratio;
  }

  #start(name: string, parent: TraceContext | undefined, options: SpanOptions = {}, held?: Held): TraceSpan {
    const { role = 'internal', at = performance.now(), links = [], attributes = {} } = options;
    const within = parent ? trace.setSpanContext(ROOT_CONTEXT, remote(parent)) : ROOT_CONTEXT;
    const startTime = epochMs(at);
    const linked = links.map((link) => ({ context: remote(link) }));
    const start = { kind: kinds[role], startTime, links: linked, attributes: attributes as Attributes };
    const span = this.#tracer.startSpan(name, start, within);
    const { traceId, spanId } = span.spanContext();
    const context = { traceId, spanId, sampled: held?.sampled ?? true };
    return new SdkSpan(span, context, held, (child, more) => this.#start(child, context, more, held));
  }
}

/** Spans that end only when it is known whether they are kept; one that never ends is never sent. */
interface Held {
  sampled: boolean;
  ends: (() => void)[];
}

class SdkSpan implements TraceSpan {
  readonly context: TraceContext;
  readonly #span: Span;
  readonly #held: Held | undefined;
  readonly child: TraceSpan['child'];

  constructor(span: Span, context: TraceContext, held: Held | undefined, child: TraceSpan['child']) {
    this.#span = span;
    this.#held = held;
    this.child = child;
    this.context = context;
  }

  get traceparent(): string {
    return formatTraceparent(this.context);
  }

  get fields(): TraceFields {
    return { trace_id: this.context.traceId, span_id: this.context.spanId };
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(attributes as Attributes);
  }

  event(name: string, attributes: SpanAttributes = {}): void {
    this.#span.addEvent(name, attributes as Attributes, epochMs(performance.now()));
  }

  link(to: TraceContext): void {
    this.#span.addLink({ context: remote(to) });
  }

  fail(code: string): void {
    this.#span.setAttribute('error.type', code);
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message: code });
  }

  end(at = performance.now()): void {
    const endTime = epochMs(at);
    if (this.#held === undefined) this.#span.end(endTime);
    else if (this.#held.ends.length < spansHeldMax) this.#held.ends.push(() => this.#span.end(endTime));
  }
}

function remote({ traceId, spanId }: TraceContext): SpanContext {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
}

/** The SDK's queue within a bound that counts what is under way as well, and tells what became of spans. */
class BoundedSpans implements SpanProcessor {
  readonly #exports: SpanExports;
  readonly #queue: BatchSpanProcessor;
  #pending = 0;

  constructor(exporter: SpanExporter, exports: SpanExports) {
    this.#exports = exports;
    this.#queue = new BatchSpanProcessor({
      exporter: this.#counted(exporter),
      maxQueueSize: spansPendingMax,
      maxExportBatchSize: spansPerRequestMax,
      scheduledDelayMillis: sendEveryMs,
      exportTimeoutMillis: 2 * sendTimeoutMs,
    });
  }

  onStart(): void {
    // A span that is not ended is nowhere.
  }

  onEnd(span: ReadableSpan): void {
    if (this.#pending >= spansPendingMax) {
      this.#exports.lost(1, 'queue-full');
      return;
    }
    this.#pending += 1;
    this.#queue.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#queue.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#queue.shutdown();
  }

  #counted(exporter: SpanExporter): SpanExporter {
    return {
      export: (spans, told) =>
        exporter.export(spans, (result) => {
          this.#pending -= spans.length;
          // 0: the receiver took them.
          if (result.code === 0) this.#exports.sent(spans.length);
          else this.#exports.lost(spans.length, 'refused', result.error);
          told(result);
        }),
      shutdown: () => exporter.shutdown(),
    };
  }
}
