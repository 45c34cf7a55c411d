/**
 * Admission: how much work is let in at one time, in requests and in bytes of bodies. What doesn't fit is
 * told so at once (429, `Retry-After`): a queue that nobody bounds turns overload into a crash.
 */
import { assert } from './assert.ts';

export interface AdmissionLimits {
  requestsMax: number;
  bytesMax: number;
}

export class Admission {
  readonly #limits: AdmissionLimits;
  #requests = 0;
  #bytes = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get requests(): number {
    return this.#requests;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes a request in, and says whether it may go on; if so, `leave` with the same `bytes` has to follow.
   */
  enter(bytes: number): boolean {
    const { requestsMax, bytesMax } = this.#limits;
    if (this.#requests >= requestsMax || this.#bytes + bytes > bytesMax) return false;
    this.#requests += 1;
    this.#bytes += bytes;
    return true;
  }

  leave(bytes: number): void {
    this.#requests -= 1;
    this.#bytes -= bytes;
    assert(this.#requests >= 0 && this.#bytes >= 0, 'a request left that had not entered');
  }
}
