/**
 * Requests for one key after the other, as bytes: one that is written once, with another key each time. Made
 * as they are sent, for millions of them would not find room.
 */
import { keyDigits, keyOf, type LoadRequest, requestText } from './plan.ts';

const firstKey = keyOf(0);
const zero = 0x30;

export class RequestMaker {
  #request: Buffer;
  /** Where the last digits of the key stand. */
  readonly #ends: readonly number[];

  constructor(request: LoadRequest) {
    this.#request = Buffer.from(requestText(request, firstKey), 'latin1');
    const ends: number[] = [];
    for (let at = -1; ; ) {
      at = this.#request.indexOf(firstKey, at + 1);
      if (at < 0) break;
      ends.push(at + firstKey.length - 1);
    }
    this.#ends = ends;
  }

  /** For the key of this number; in the bytes of the one before, unless that is told to be `kept`. */
  of(number: number): Buffer {
    let rest = number;
    for (let digit = 0; digit < keyDigits; digit += 1) {
      const higher = Math.floor(rest / 10);
      const byte = zero + rest - higher * 10;
      for (let i = 0; i < this.#ends.length; i += 1) this.#request[(this.#ends[i] as number) - digit] = byte;
      rest = higher;
    }
    return this.#request;
  }

  /** The last request has not gone out yet: the next ones get bytes of their own. */
  kept(): void {
    this.#request = Buffer.from(this.#request);
  }
}
