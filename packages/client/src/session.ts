/**
 * The session of a client: the tokens of what it has read and written, sent with each request, so that
 * session reads and writes come after it.
 *
 * Tokens are opaque, so two of them can't be made one here. An answer's token holds all that was sent with
 * its request, and replaces it; answers that crossed each other leave a token each, until the next request
 * takes them together.
 */

/**
 * Tokens that are kept, the newest: as many as a gateway takes. Who does more at a time takes more clients.
 */
const tokensMax = 64;

export class ClientSession {
  #tokens: string[];

  /** `token`: of an earlier session to go on with; several are separated by commas. */
  constructor(token?: string) {
    this.#tokens = token === undefined || token === '' ? [] : token.split(',').map((one) => one.trim());
  }

  /** What to go on with elsewhere; undefined while nothing was read or written. */
  get token(): string | undefined {
    return this.#tokens.length > 0 ? this.#tokens.join(', ') : undefined;
  }

  /** An answer gave `received` to a request that was sent with `sent`. */
  learn(sent: string | undefined, received: string | undefined): void {
    if (received === undefined) return;
    const held = sent?.split(', ') ?? [];
    const others = this.#tokens.filter((token) => token !== received && !held.includes(token));
    this.#tokens = [...others, received].slice(-tokensMax);
  }
}
