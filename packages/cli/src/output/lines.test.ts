import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Line, linesOf, textOf } from './lines.ts';

async function collect(chunks: readonly string[], lineBytesMax = 1000): Promise<Line[]> {
  async function* source(): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const lines: Line[] = [];
  for await (const line of linesOf(source(), lineBytesMax)) lines.push(line);
  return lines;
}
const texts = (lines: Line[]): string[] => lines.map(({ bytes }) => bytes.toString());

describe('lines', () => {
  it('are those of the whole text, wherever it is cut into chunks', async () => {
    const chunk = fc.string({ unit: fc.constantFrom('a', 'é', '\n', '\r\n', ' ') });
    await fc.assert(
      fc.asyncProperty(fc.array(chunk), async (chunks) => {
        const whole = chunks.join('');
        const expected = whole.split('\n').map((line) => line.replace(/\r$/, ''));
        if (whole === '' || whole.endsWith('\n')) expected.pop();
        const lines = await collect(chunks);
        expect(texts(lines)).toEqual(expected);
        expect(lines.map(({ number }) => number)).toEqual(expected.map((_, i) => i + 1));
        if (lines.length > 0) expect(lines.at(-1)?.endByte).toBe(Buffer.byteLength(whole));
      }),
    );
  });

  it('longer than the limit are told and dropped, and the next one is whole', async () => {
    const lines = await collect(['aaaa', 'aaaa\nbbbb', '\r\nccccc\n', 'dd'], 4);
    expect(lines.map(({ tooLong }) => tooLong)).toEqual([true, false, true, false]);
    expect(texts(lines)).toEqual(['', 'bbbb', '', 'dd']);
  });

  it('say where they end in the stream', async () => {
    expect((await collect(['ab\n\ncd'])).map(({ endByte }) => endByte)).toEqual([3, 4, 6]);
  });
});

it('text is UTF-8 or undefined', () => {
  expect(textOf(Buffer.from('\ufeffhé'))).toBe('hé');
  expect(textOf(Buffer.from([0x68, 0xff]))).toBeUndefined();
});
