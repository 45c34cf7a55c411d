/**
 * Short texts as bytes, by a loop. Each write asks for those of its key some times on every replica, and a
 * call that leaves JavaScript costs more than the dozens of bytes that it would write.
 */
import type { Buffer } from 'node:buffer';

/** Bytes of UTF-8 that a text has at most, for each UTF-16 unit of it. */
export const utf8BytesAtMost = 3;

/** Writes `text` as UTF-8 from `start` on, where there must be room for it; where it ends. */
export function writeUtf8(into: Buffer, text: string, start: number): number {
  const { length } = text;
  for (let i = 0; i < length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return start + into.write(text, start, 'utf8');
    into[start + i] = unit;
  }
  return start + length;
}
