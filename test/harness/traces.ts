/**
 * A receiver of traces for tests: takes spans by OTLP over HTTP, in JSON, as a collector does, and keeps
 * them.
 * https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TraceContext } from '@driftless/contracts';
import { waitUntil } from '@driftless/runtime';
import { z } from 'zod';

const valueSchema = z.union([
  z.object({ stringValue: z.string() }),
  z.object({ intValue: z.union([z.number(), z.string()]) }),
  z.object({ doubleValue: z.number() }),
  z.object({ boolValue: z.boolean() }),
]);
const attributesSchema = z.array(z.object({ key: z.string(), value: valueSchema })).default([]);
const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));
const nanos = z.union([z.string(), z.number()]);
const linkSchema = z.object({ traceId: hex(32), spanId: hex(16) });
const spanSchema = linkSchema.extend({
  parentSpanId: hex(16).optional(),
  name: z.string(),
  kind: z.number(),
  startTimeUnixNano: nanos,
  endTimeUnixNano: nanos,
  attributes: attributesSchema,
  events: z.array(z.object({ name: z.string(), timeUnixNano: nanos })).default([]),
  links: z.array(linkSchema).default([]),
  status: z.object({ code: z.number().default(0), message: z.string().optional() }).default({ code: 0 }),
});
const requestSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: attributesSchema }),
      scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })),
    }),
  ),
});

type Attributes = Record<string, string | number | boolean>;
type WireSpan = z.infer<typeof spanSchema>;

export interface ReceivedSpan
  extends Pick<WireSpan, 'traceId' | 'spanId' | 'parentSpanId' | 'name' | 'links'> {
  /** As OTLP numbers them: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number;
  /** Milliseconds since the Unix epoch. */
  startMs: number;
  endMs: number;
  attributes: Attributes;
  events: { name: string; atMs: number }[];
  /** Undefined where it did not fail. */
  failed: string | undefined;
  service: string;
  instance: string;
}

export class TraceReceiver {
  readonly spans: ReceivedSpan[] = [];
  /** Requests that did not have the form. */
  readonly refused: string[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#take(request, response));
  }

  static async start(): Promise<TraceReceiver> {
    const receiver = new TraceReceiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  trace(traceId: string): ReceivedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId);
  }

  /**
   * The spans of a trace below `root`, when `isWhole` says that they are all there, and each has its parent:
   * processes send theirs when they please.
   */
  async whole(
    root: Pick<TraceContext, 'traceId' | 'spanId'>,
    isWhole: (spans: ReceivedSpan[]) => boolean,
  ): Promise<ReceivedSpan[]> {
    const { traceId } = root;
    const isThere = (): boolean => this.hasParents(root) && isWhole(this.trace(traceId));
    try {
      await waitUntil(isThere, { timeoutMs: 20_000, intervalMs: 50, what: 'the spans of a trace' });
    } catch (cause) {
      const seen = this.trace(traceId).map(({ service, name, instance }) => `${service} ${instance} ${name}`);
      throw new Error(`The trace did not come to be whole; it has: ${seen.join(', ')}`, { cause });
    }
    return this.trace(traceId);
  }

  /** Each span of the trace that came has come with its parent, `root` apart, which the caller has. */
  hasParents({ traceId, spanId }: Pick<TraceContext, 'traceId' | 'spanId'>): boolean {
    const spans = this.trace(traceId);
    const known = new Set([undefined, '', spanId, ...spans.map((span) => span.spanId)]);
    return spans.every(({ parentSpanId }) => known.has(parentSpanId));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    try {
      if (request.method !== 'POST' || request.url !== '/v1/traces') throw new Error(`${request.url}`);
      for (const { resource, scopeSpans } of requestSchema.parse(JSON.parse(text)).resourceSpans) {
        const its = attributesOf(resource.attributes);
        const from = { service: String(its['service.name']), instance: String(its['service.instance.id']) };
        this.spans.push(...scopeSpans.flatMap(({ spans }) => spans.map((span) => received(span, from))));
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    } catch (error) {
      this.refused.push(String(error));
      response.writeHead(400).end();
    }
  }
}

function received(span: WireSpan, from: Pick<ReceivedSpan, 'service' | 'instance'>): ReceivedSpan {
  const { startTimeUnixNano, endTimeUnixNano, attributes, events, status, ...rest } = span;
  return {
    ...rest,
    ...from,
    startMs: Number(startTimeUnixNano) / 1e6,
    endMs: Number(endTimeUnixNano) / 1e6,
    attributes: attributesOf(attributes),
    events: events.map(({ name, timeUnixNano }) => ({ name, atMs: Number(timeUnixNano) / 1e6 })),
    failed: status.code === 2 ? (status.message ?? '') : undefined,
  };
}

function attributesOf(list: z.infer<typeof attributesSchema>): Attributes {
  return Object.fromEntries(
    list.map(({ key, value }) => [
      key,
      'intValue' in value ? Number(value.intValue) : Object.values(value)[0],
    ]),
  ) as Attributes;
}
