/**
 * When a leadership goes back to the preferred node: after that node has been well for a while without a
 * break. One that did not take it is trusted less each time: the wait doubles, until it has led.
 */

/** The longest wait, in first waits. */
const waitsMax = 64;

export class HandBack {
  readonly #afterMs: number;
  readonly #wellSince = new Map<number, number>();
  /** How many times as long a shard's wait is. */
  readonly #waits = new Map<number, number>();

  constructor(afterMs: number) {
    this.#afterMs = afterMs;
  }

  /** `now`: monotonic, milliseconds. Starts the wait anew, twice as long, once it said yes. */
  isDue(shard: number, well: boolean, now: number): boolean {
    const waits = this.#waits.get(shard) ?? 1;
    const since = well ? (this.#wellSince.get(shard) ?? now) : undefined;
    const isDue = since !== undefined && now - since >= this.#afterMs * waits;
    if (since === undefined || isDue) this.#wellSince.delete(shard);
    else this.#wellSince.set(shard, since);
    if (isDue) this.#waits.set(shard, Math.min(waits * 2, waitsMax));
    return isDue;
  }

  /** The preferred node leads the shard: what was given was taken. */
  taken(shard: number): void {
    this.#waits.delete(shard);
    this.#wellSince.delete(shard);
  }
}
