/**
 * Cuts a stream of bytes into lines without ever holding more than one line: NDJSON of any size passes
 * through. A line longer than the limit is told as such and dropped, because its end may never come.
 */

import { isUtf8 } from 'node:buffer';

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
  const cutter = new LineCutter(lineBytesMax);
  for await (const chunk of source) yield* cutter.cut(chunk);
  yield* cutter.end();
}

/** The same by hand: the lines that end in each chunk, all at once. They are good until the next chunk. */
export class LineCutter {
  readonly #lineBytesMax: number;
  /** Of a line that has not ended. */
  #parts: Buffer[] = [];
  #length = 0;
  #number = 0;
  #endByte = 0;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  cut(chunk: Uint8Array): Line[] {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    const lines: Line[] = [];
    let start = 0;
    for (let end = buffer.indexOf(newline); end >= 0; end = buffer.indexOf(newline, start)) {
      this.#hold(buffer.subarray(start, end));
      this.#endByte += end + 1 - start;
      start = end + 1;
      lines.push(this.#take());
    }
    if (start < buffer.length) {
      this.#hold(buffer.subarray(start));
      this.#endByte += buffer.length - start;
    }
    return lines;
  }

  /** The last line, where the source ends without a break. */
  end(): Line[] {
    return this.#length > 0 ? [this.#take()] : [];
  }

  #hold(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > this.#lineBytesMax + 1) this.#parts = [];
    else this.#parts.push(part);
  }

  #take(): Line {
    const whole = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    const bytes = whole.at(-1) === carriageReturn ? whole.subarray(0, -1) : whole;
    const tooLong = this.#length > this.#lineBytesMax + 1 || bytes.length > this.#lineBytesMax;
    this.#parts = [];
    this.#length = 0;
    this.#number += 1;
    return {
      number: this.#number,
      bytes: tooLong ? Buffer.alloc(0) : bytes,
      tooLong,
      endByte: this.#endByte,
    };
  }
}

const byteOrderMark = '\ufeff';

/** The text of UTF-8 bytes, without a byte order mark; `undefined` when they are not UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  return text.startsWith(byteOrderMark) ? text.slice(1) : text;
}
