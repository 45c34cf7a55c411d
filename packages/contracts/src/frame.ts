/**
 * The one binary layout that everything shares: a line of JSON that a person can read, then raw bytes.
 *
 *     {"format":1, … }\n<bytes of the first payload><bytes of the second> …
 *
 * The header says how long each payload is, so values travel as they are: no base64, no escaping, one copy.
 * Events, log rows, catch-up answers (sealed, see envelope.ts) and the hop between gateway and node use it.
 */
import { Buffer } from 'node:buffer';

export const frameContentType = 'application/vnd.driftless.frame';

const newline = 0x0a;

/**
 * One buffer: `reserve` bytes for the caller to fill, the header's JSON, a newline, then the payloads in
 * order.
 */
export function encodeFrame(header: unknown, payloads: readonly Uint8Array[], reserve = 0): Buffer {
  const text = JSON.stringify(header);
  const headBytes = reserve + Buffer.byteLength(text) + 1;
  let total = headBytes;
  for (const payload of payloads) total += payload.length;
  const frame = Buffer.allocUnsafe(total);
  frame.write(text, reserve, 'utf8');
  frame[headBytes - 1] = newline;
  let offset = headBytes;
  for (const payload of payloads) {
    frame.set(payload, offset);
    offset += payload.length;
  }
  return frame;
}

/** The parsed header and the bytes after it. Throws `SyntaxError` when the bytes are not a frame. */
export function decodeFrame(frame: Uint8Array): { header: unknown; body: Uint8Array } {
  const end = frame.indexOf(newline);
  if (end < 0) throw new SyntaxError('Not a frame: it has no header line.');
  const text = Buffer.from(frame.buffer, frame.byteOffset, end).toString('utf8');
  return { header: JSON.parse(text) as unknown, body: frame.subarray(end + 1) };
}

/**
 * Cuts payloads off a frame's body in order; throws `RangeError` when a header promised more than there is.
 */
export class PayloadReader {
  readonly #body: Uint8Array;
  #offset = 0;
  constructor(body: Uint8Array) {
    this.#body = body;
  }
  take(bytes: number): Uint8Array {
    const end = this.#offset + bytes;
    if (bytes < 0 || end > this.#body.length)
      throw new RangeError('A frame is shorter than its header says.');
    const payload = this.#body.subarray(this.#offset, end);
    this.#offset = end;
    return payload;
  }
  /** Throws when bytes are left over. */
  finish(): void {
    if (this.#offset !== this.#body.length) throw new RangeError('A frame is longer than its header says.');
  }
}
