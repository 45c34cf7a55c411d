import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrame, encodeFrame, PayloadReader } from './frame.ts';

describe('a frame', () => {
  it('carries any JSON and any bytes, behind any reserved room', () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 5 });
    fc.assert(
      fc.property(fc.json(), payloads, fc.nat(40), (json, payloads, reserve) => {
        const header = JSON.parse(json) as unknown;
        const frame = encodeFrame(header, payloads, reserve).subarray(reserve);
        const decoded = decodeFrame(frame);
        expect(JSON.stringify(decoded.header)).toBe(JSON.stringify(header));
        const reader = new PayloadReader(decoded.body);
        for (const payload of payloads) expect([...reader.take(payload.length)]).toEqual([...payload]);
        expect(() => reader.finish()).not.toThrow();
      }),
    );
  });

  it('keeps a newline within the header apart from the one that ends it', () => {
    const { header, body } = decodeFrame(encodeFrame({ text: 'a\nb' }, [Buffer.from('\n\n')]));
    expect(header).toEqual({ text: 'a\nb' });
    expect([...body]).toEqual([10, 10]);
  });

  it('is refused when it is none', () => {
    for (const text of ['', '{}', '{\n', '\n', 'no json\n']) {
      expect(() => decodeFrame(Buffer.from(text)), JSON.stringify(text)).toThrow(SyntaxError);
    }
  });

  it('gives no more than it holds, and leaves nothing over', () => {
    const reader = new PayloadReader(Buffer.from('abc'));
    expect(() => reader.take(4)).toThrow(RangeError);
    expect(() => reader.take(-1)).toThrow(RangeError);
    reader.take(2);
    expect(() => reader.finish()).toThrow(RangeError);
    expect(Buffer.from(reader.take(1)).toString()).toBe('c');
    expect(() => reader.finish()).not.toThrow();
  });
});
