/**
 * Heads of the rows that were written lately, so that writing them again reads nothing. There are two
 * generations: when the young one is full it becomes the old one, and what the old one had is forgotten but
 * for what was asked for meanwhile.
 */
import type { Entry, Head } from '../core/entry.ts';

export class HeadCache {
  readonly #generationMax: number;
  #young = new Map<string, Head>();
  #old = new Map<string, Head>();

  /** Holds at most so many heads, and at least the latest half of that. */
  constructor(headsMax: number) {
    this.#generationMax = headsMax / 2;
  }

  get(key: string): Head | undefined {
    const young = this.#young.get(key);
    if (young) return young;
    const old = this.#old.get(key);
    if (old) this.#keep(key, old);
    return old;
  }

  /** The row is this one now. */
  set({ key, epoch, seq, tombstone, expiresAt, digest }: Entry): void {
    this.#keep(key, { epoch, seq, tombstone, expiresAt, digest });
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  #keep(key: string, head: Head): void {
    if (this.#young.size >= this.#generationMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, head);
  }
}
