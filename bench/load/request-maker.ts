/**
 * Requests for one key after the other, as bytes: a copy of one that is written once, with another key. Made
 * as they are sent, for millions of them would not find room.
 */
import { keyOf, type LoadRequest, requestText } from './plan.ts';

const firstKey = keyOf(0);

export class RequestMaker {
  readonly #template: Buffer;
  /** Where the key stands. */
  readonly #places: readonly number[];

  constructor(request: LoadRequest) {
    this.#template = Buffer.from(requestText(request, firstKey), 'latin1');
    const places: number[] = [];
    for (let at = -1; ; ) {
      at = this.#template.indexOf(firstKey, at + 1);
      if (at < 0) break;
      places.push(at);
    }
    this.#places = places;
  }

  /** For the key of this number. */
  of(number: number): Buffer {
    const request = Buffer.allocUnsafe(this.#template.length);
    this.#template.copy(request);
    const key = keyOf(number);
    for (const place of this.#places) request.write(key, place, 'latin1');
    return request;
  }
}
