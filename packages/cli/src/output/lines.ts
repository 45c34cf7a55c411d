/**
 * Cuts a stream of bytes into lines without ever holding more than one line: NDJSON of any size passes
 * through. A line longer than the limit is told as such and dropped, because its end may never come.
 */

export interface Line {
  /** 1 for the first. */
  number: number;
  /** Without the line break; empty when `tooLong`. */
  bytes: Buffer;
  /** The line had more bytes than the limit. */
  tooLong: boolean;
  /** Bytes of the stream up to and with this line's break. */
  endByte: number;
}

const newline = 0x0a;
const carriageReturn = 0x0d;

export async function* linesOf(
  source: AsyncIterable<Uint8Array>,
  lineBytesMax: number,
): AsyncGenerator<Line> {
  let parts: Buffer[] = [];
  let held = 0;
  let length = 0;
  let number = 0;
  let endByte = 0;

  const hold = (part: Buffer): void => {
    length += part.length;
    if (length > lineBytesMax + 1) {
      parts = [];
      held = 0;
      return;
    }
    parts.push(part);
    held += part.length;
  };
  const take = (): Line => {
    const whole = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, held);
    const bytes = whole.at(-1) === carriageReturn ? whole.subarray(0, -1) : whole;
    const tooLong = length > lineBytesMax + 1 || bytes.length > lineBytesMax;
    parts = [];
    held = 0;
    length = 0;
    number += 1;
    return { number, bytes: tooLong ? Buffer.alloc(0) : bytes, tooLong, endByte };
  };

  for await (const chunk of source) {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let start = 0;
    for (let end = buffer.indexOf(newline); end >= 0; end = buffer.indexOf(newline, start)) {
      hold(buffer.subarray(start, end));
      endByte += end + 1 - start;
      start = end + 1;
      yield take();
    }
    if (start < buffer.length) {
      hold(buffer.subarray(start));
      endByte += buffer.length - start;
    }
  }
  if (length > 0) yield take();
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** The text of UTF-8 bytes, without a byte order mark; `undefined` when they are not UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
