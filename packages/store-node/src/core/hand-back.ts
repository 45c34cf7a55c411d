/**
 * When a leadership goes back to the preferred node: after that node has been well for a while without a
 * break.
 */
export class HandBack {
  readonly #afterMs: number;
  readonly #wellSince = new Map<number, number>();

  constructor(afterMs: number) {
    this.#afterMs = afterMs;
  }

  /** `now`: monotonic, milliseconds. Starts the wait anew once it said yes. */
  isDue(shard: number, well: boolean, now: number): boolean {
    const since = well ? (this.#wellSince.get(shard) ?? now) : undefined;
    if (since === undefined || now - since >= this.#afterMs) this.#wellSince.delete(shard);
    else this.#wellSince.set(shard, since);
    return since !== undefined && now - since >= this.#afterMs;
  }
}
