/**
 * Where a span stands in a trace, as processes tell each other: `traceparent` of W3C Trace Context
 * (https://www.w3.org/TR/trace-context/). It travels in headers of requests and of events, and beside an
 * operation in a hop's frame. One that is malformed counts as absent: nobody's request fails for its trace.
 */

export interface TraceContext {
  /** 32 hex digits, not all zero. */
  readonly traceId: string;
  /** 16 hex digits, not all zero. */
  readonly spanId: string;
  /** Whoever began the trace wants it kept. */
  readonly sampled: boolean;
}

/** Headers of requests, answers and events. */
export const traceHeaders = {
  parent: 'traceparent',
  /** Of an answer: the span of the request, where it is kept. */
  response: 'traceresponse',
  /** Of an event: other spans that it comes from, with commas. */
  links: 'driftless-trace-links',
} as const;

/** Other spans that one batch tells of: it may hold a thousand traced operations. */
export const traceLinksMax = 16;

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const version = '00';
const forbiddenVersion = 'ff';
const sampledFlag = 1;
const zeros = /^0+$/;
/** Longer ones, of a version to come, are not looked at. */
const charsMax = 256;

/** Undefined when it isn't one. */
export function parseTraceparent(text: unknown): TraceContext | undefined {
  if (typeof text !== 'string' || text.length > charsMax) return undefined;
  const [, its = '', traceId = '', spanId = '', flags = '', more] = pattern.exec(text) ?? [];
  if (its === '' || its === forbiddenVersion || (its === version && more !== undefined)) return undefined;
  if (zeros.test(traceId) || zeros.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & sampledFlag) !== 0 };
}

export function formatTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `${version}-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

/** Those of a list with commas that are well formed, at most `traceLinksMax`. */
export function parseTraceLinks(text: string): TraceContext[] {
  const parts = text.split(',', traceLinksMax);
  return parts.flatMap((part) => parseTraceparent(part.trim()) ?? []);
}
