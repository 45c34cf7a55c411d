/**
 * How often each key of a replica was healed lately (SPEC.md, X8). A key that needs it again and again has
 * something wrong with it that healing doesn't reach: a bad page under its row, or two writers of one file.
 * It is then left alone until the window has passed, and told. Memory is bounded: of very many healed keys
 * those are forgotten that were healed longest ago.
 */
export interface HealLimits {
  /** So many heals of a key within the window stop it. */
  healsMax: number;
  windowMs: number;
  /** Keys remembered. */
  keysMax: number;
}

export const healLimits: HealLimits = { healsMax: 3, windowMs: 60 * 60 * 1000, keysMax: 10_000 };

/** `now`: milliseconds on a clock that only goes forward. */
export class HealLedger {
  readonly #limits: HealLimits;
  /** The last heals of each key; keys in the order of their last heal. */
  readonly #heals = new Map<string, readonly number[]>();

  constructor(limits: HealLimits = healLimits) {
    this.#limits = limits;
  }

  healed(key: string, now: number): void {
    const { healsMax, keysMax } = this.#limits;
    const heals = [...(this.#heals.get(key) ?? []), now].slice(-healsMax);
    this.#heals.delete(key);
    this.#heals.set(key, heals);
    if (this.#heals.size <= keysMax) return;
    for (const oldest of this.#heals.keys()) {
      this.#heals.delete(oldest);
      return;
    }
  }

  isStopped(key: string, now: number): boolean {
    const { healsMax, windowMs } = this.#limits;
    const lately = (this.#heals.get(key) ?? []).filter((at) => now - at < windowMs);
    return lately.length >= healsMax;
  }

  /** Keys remembered. */
  get size(): number {
    return this.#heals.size;
  }
}
