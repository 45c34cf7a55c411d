/**
 * The wish to stop, as signals bring it. One press of Ctrl-C reaches this process up to three times: from the
 * terminal, from npm and from the bootstrap, which both pass signals on. So a second wish counts as one, an
 * urgent one, only when it comes a moment later.
 */
const SAME_WISH_MS = 500;

export class StopRequest {
  /** Resolves at the first wish. */
  readonly promise: Promise<void>;
  /** Resolves at the second. */
  readonly urgent: Promise<void>;
  #resolve: () => void;
  #resolveUrgent: () => void;
  #firstAt: number | undefined;

  constructor() {
    ({ promise: this.promise, resolve: this.#resolve } = Promise.withResolvers<void>());
    ({ promise: this.urgent, resolve: this.#resolveUrgent } = Promise.withResolvers<void>());
  }

  get requested(): boolean {
    return this.#firstAt !== undefined;
  }

  /** A wish, at a monotonic time in milliseconds. True when it is the urgent one. */
  request(now: number): boolean {
    this.#firstAt ??= now;
    this.#resolve();
    if (now - this.#firstAt < SAME_WISH_MS) return false;
    this.#resolveUrgent();
    return true;
  }
}
