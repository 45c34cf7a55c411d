import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTraceparent, parseTraceLinks, parseTraceparent, traceLinksMax } from './trace-context.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';
const hex = (digits: number) =>
  fc
    .array(fc.constantFrom(...'0123456789abcdef'), { minLength: digits, maxLength: digits })
    .map((all) => all.join(''))
    .filter((text) => !/^0+$/.test(text));
const contexts = fc.record({ traceId: hex(32), spanId: hex(16), sampled: fc.boolean() });

describe('traceparent', () => {
  it('is read as the standard has it', () => {
    const kept = { traceId, spanId, sampled: true };
    expect(parseTraceparent(`00-${traceId}-${spanId}-01`)).toEqual(kept);
    expect(parseTraceparent(`00-${traceId}-${spanId}-00`)).toEqual({ ...kept, sampled: false });
    // Other flags say nothing to us; a later version may say more.
    expect(parseTraceparent(`00-${traceId}-${spanId}-03`)).toEqual(kept);
    expect(parseTraceparent(`cc-${traceId}-${spanId}-01-what-comes`)).toEqual(kept);
  });

  it.each([
    ['nothing', undefined],
    ['several headers', [`00-${traceId}-${spanId}-01`]],
    ['an empty one', ''],
    ['more than version 00 has', `00-${traceId}-${spanId}-01-more`],
    ['the version that is none', `ff-${traceId}-${spanId}-01`],
    ['capital letters', `00-${traceId.toUpperCase()}-${spanId}-01`],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['a span of zeros', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['a short trace', `00-${traceId.slice(1)}-${spanId}-01`],
    ['blanks', ` 00-${traceId}-${spanId}-01`],
    ['a line more', `00-${traceId}-${spanId}-01\n`],
    ['an endless one', `cc-${traceId}-${spanId}-01-${'x'.repeat(1000)}`],
  ])('is absent where there is %s', (_what, text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });

  it('comes back as it was written', () => {
    fc.assert(
      fc.property(contexts, (context) => {
        expect(parseTraceparent(formatTraceparent(context))).toEqual(context);
      }),
    );
  });

  it('never throws, and what it takes is well formed', () => {
    const whole = contexts.map(formatTraceparent);
    // One that was well formed, with something in it changed.
    const spoiled = fc
      .tuple(whole, fc.nat(60), fc.string({ maxLength: 3 }))
      .map(([text, at, by]) => text.slice(0, at) + by + text.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.string(), spoiled), (text) => {
        const context = parseTraceparent(text);
        if (context === undefined) return;
        expect(context.traceId).toMatch(/^(?!0+$)[0-9a-f]{32}$/);
        expect(context.spanId).toMatch(/^(?!0+$)[0-9a-f]{16}$/);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('links', () => {
  it('are those that are well formed, as many as are taken', () => {
    const one = `00-${traceId}-${spanId}-01`;
    expect(parseTraceLinks(`${one}, nonsense,${one}`)).toHaveLength(2);
    expect(parseTraceLinks('')).toEqual([]);
    const many = Array.from({ length: traceLinksMax + 5 }, () => one);
    expect(parseTraceLinks(many.join(','))).toHaveLength(traceLinksMax);
  });

  it('never throw', () => {
    fc.assert(fc.property(fc.string(), (text) => parseTraceLinks(text).length <= traceLinksMax));
  });
});
