/**
 * Percent-decoding, exactly once and strictly.
 *
 * Node hands over a request target as the bytes it received, one character a byte, so what is not an escape
 * is a byte too: its parser refuses those above ASCII today, and if one day it doesn't, they still mean what
 * they say. The outcome has to be UTF-8. `decodeURIComponent` can't do this: it takes bytes for characters.
 */
import { Buffer, isUtf8 } from 'node:buffer';

const plain = /^[!-$&-~]*$/;
const percent = 0x25;

/** The text that `raw` encodes; undefined when an escape is broken or the bytes are not UTF-8. */
export function decodePercent(raw: string): string | undefined {
  if (plain.test(raw)) return raw;
  const bytes = Buffer.from(raw, 'latin1');
  let length = 0;
  for (let i = 0; i < bytes.length; i += 1) {
    let byte = bytes[i] as number;
    if (byte === percent) {
      const high = hexValue(bytes[i + 1]);
      const low = hexValue(bytes[i + 2]);
      if (high < 0 || low < 0) return undefined;
      byte = high * 16 + low;
      i += 2;
    }
    bytes[length] = byte;
    length += 1;
  }
  const decoded = bytes.subarray(0, length);
  return isUtf8(decoded) ? decoded.toString('utf8') : undefined;
}

function hexValue(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
