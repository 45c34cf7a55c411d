import type { TraceContext } from '@driftless/contracts';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { afterEach, describe, expect, it } from 'vitest';
import type { SpanLoss } from './exports.ts';
import { SdkTracing, spansPendingMax } from './sdk.ts';

type Answer = (spans: ReadableSpan[], told: Parameters<SpanExporter['export']>[1]) => void;

const takes: Answer = (_spans, told) => told({ code: 0 });
const refuses: Answer = (_spans, told) => told({ code: 1, error: new Error('away') });
const neverAnswers: Answer = () => undefined;
const parent: TraceContext = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true };
const traceparent = `00-${parent.traceId}-${parent.spanId}-01`;

describe('tracing', () => {
  const opened: SdkTracing[] = [];
  afterEach(() => Promise.all(opened.splice(0).map((tracing) => tracing.shutdown())));

  function open(ratio: number, answer: Answer = takes) {
    const exported: ReadableSpan[] = [];
    const counts = { sent: 0, lost: {} as Partial<Record<SpanLoss, number>> };
    const tracing = new SdkTracing({
      service: 'gateway',
      instance: 'gateway-1',
      url: '',
      ratio,
      exports: {
        sent: (spans) => {
          counts.sent += spans;
        },
        lost: (spans, why) => {
          counts.lost[why] = (counts.lost[why] ?? 0) + spans;
        },
      },
      exporter: {
        export: (spans, told) => {
          exported.push(...spans);
          answer(spans, told);
        },
        shutdown: () => Promise.resolve(),
      },
    });
    opened.push(tracing);
    return { tracing, exported, counts };
  }

  it('does as the caller says, and else as chance does', () => {
    const [never, always] = [open(0).tracing, open(1).tracing];
    expect(never.serve('x', undefined)).toBeUndefined();
    expect(always.serve('x', undefined)?.context.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(never.serve('x', traceparent)?.context.traceId).toBe(parent.traceId);
    expect(always.serve('x', traceparent.replace(/01$/, '00'))).toBeUndefined();
    // What is broken says nothing.
    expect(never.serve('x', 'nonsense')).toBeUndefined();
    expect(always.serve('x', 'nonsense')).toBeDefined();
  });

  it('takes about as many as it is to', () => {
    const { tracing } = open(0.1);
    const taken = Array.from({ length: 20_000 }, () => tracing.serve('x', undefined)).filter(Boolean).length;
    expect(taken).toBeGreaterThan(1_600);
    expect(taken).toBeLessThan(2_400);
  });

  it('sends spans with their parents, links, times and what became of them', async () => {
    const { tracing, exported, counts } = open(0);
    const wallMs = Date.now();
    const at = performance.now();
    const span = tracing.serve('PUT', traceparent, { at, attributes: { shard: 1 } });
    const child = span?.child('commit', { at: at + 1, links: [{ ...parent, spanId: 'c'.repeat(16) }] });
    child?.event('synced');
    child?.end(at + 1.25);
    span?.fail('internal');
    span?.end(at + 2);
    await tracing.shutdown();
    const [first, second] = exported;
    expect(first).toMatchObject({ name: 'commit', parentSpanContext: { spanId: span?.context.spanId } });
    expect(first?.links).toMatchObject([{ context: { traceId: parent.traceId, spanId: 'c'.repeat(16) } }]);
    expect(first?.duration[1]).toBeCloseTo(250_000, -4);
    expect(second).toMatchObject({
      parentSpanContext: { spanId: parent.spanId },
      attributes: { shard: 1, 'error.type': 'internal' },
      status: { code: 2 },
    });
    expect(second?.resource.attributes).toMatchObject({ 'service.name': 'gateway' });
    const [seconds, nanos] = second?.startTime ?? [0, 0];
    expect(Math.abs(seconds * 1000 + nanos / 1e6 - wallMs)).toBeLessThan(5);
    expect(counts).toEqual({ sent: 2, lost: {} });
  });

  it.each([
    ['chance takes it', 1, false, 2],
    ['there is something to tell', 0, true, 2],
    ['neither is', 0, false, 0],
  ])('keeps a work that is judged at its end where %s', async (_what, ratio, news, sent) => {
    const { tracing, exported } = open(ratio);
    const held = tracing.hold('round', undefined);
    const child = held.root.child('exchange');
    expect(child.context).toMatchObject({ traceId: held.root.context.traceId, sampled: ratio === 1 });
    child.end();
    held.root.end();
    expect(held.settle(news)).toBe(sent > 0);
    await tracing.shutdown();
    expect(exported).toHaveLength(sent);
  });

  it('keeps no more than so many spans when the receiver does not answer', async () => {
    const { tracing, exported, counts } = open(1, neverAnswers);
    const more = 100;
    for (let i = 0; i < spansPendingMax + more; i += 1) tracing.serve('x', undefined)?.end();
    expect(counts.lost).toEqual({ 'queue-full': more });
    // Its shutdown does not wait for ever.
    const began = performance.now();
    await tracing.shutdown();
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(exported.length).toBeLessThanOrEqual(spansPendingMax);
  });

  it('counts what the receiver refuses', async () => {
    const { tracing, counts } = open(1, refuses);
    tracing.serve('x', undefined)?.end();
    await tracing.shutdown();
    expect(counts).toEqual({ sent: 0, lost: { refused: 1 } });
  });
});
