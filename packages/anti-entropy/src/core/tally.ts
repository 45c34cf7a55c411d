/**
 * What an exchange has found, done and left so far, and what of its budget remains (SPEC.md, X7). It ends up
 * in the answer, so nothing here grows with the size of the difference.
 */
import type { Difference, ExchangeLeft } from '@driftless/contracts';

export interface Budget {
  /** Most keys that are repaired, or looked at one by one in a pass. */
  keysMax: number;
  /** Most bytes of values, as they were listed. */
  bytesMax: number;
}

export class Tally {
  readonly #differences = new Map<string, Difference>();
  readonly #differencesMax: number;
  readonly #keysMax: number;
  #keysLeft: number;
  #bytesLeft: number;
  #found = 0;
  #pass = { found: 0, looked: 0, healedBefore: 0, leavesBefore: 0 };
  compared = 0;
  healed = 0;
  leaves = 0;
  bytesShipped = 0;
  /** Of the pass that is under way, or was the last. */
  left = nothingLeft();

  constructor({ keysMax, bytesMax }: Budget, differencesMax: number) {
    this.#keysMax = keysMax;
    this.#keysLeft = keysMax;
    this.#bytesLeft = bytesMax;
    this.#differencesMax = differencesMax;
  }

  beginPass(): void {
    this.left = nothingLeft();
    this.#pass = { found: 0, looked: 0, healedBefore: this.healed, leavesBefore: this.leaves };
    for (const [key, { action }] of this.#differences) if (action === 'wait') this.#differences.delete(key);
  }

  /** Nothing was found in this pass. */
  get isClean(): boolean {
    return !this.#didSomething && Object.values(this.left).every((count) => count === 0);
  }

  /** Another pass may find it better, or equal: something was done, or only time was missing. */
  get goesOn(): boolean {
    if (this.left.budget > 0) return false;
    return this.#didSomething || this.left.wait > 0 || this.isClean;
  }

  get #didSomething(): boolean {
    return this.healed > this.#pass.healedBefore || this.leaves > this.#pass.leavesBefore;
  }

  /** How many keys may still be looked at one by one in this pass. */
  get lookable(): number {
    return this.#keysMax - this.#pass.looked;
  }

  /** Those of the rows that may still be looked at; the others are counted. */
  lookAt<T>(rows: readonly T[]): readonly T[] {
    const looked = rows.slice(0, this.lookable);
    this.#pass.looked += looked.length;
    this.unseen(rows.length - looked.length);
    return looked;
  }

  /** Rows that differ and are not looked at. */
  unseen(rows: number): void {
    this.left.budget += rows;
    this.#count(rows);
  }

  difference(difference: Difference): void {
    const { key, action } = difference;
    if (action !== 'wait') this.#count(1);
    if (this.#differences.size >= this.#differencesMax && !this.#differences.has(key)) return;
    this.#differences.set(key, difference);
  }

  /** Takes a repair of so many bytes out of the budget; false when it does not fit. */
  spend(bytes: number): boolean {
    if (this.#keysLeft < 1 || this.#bytesLeft < bytes) return false;
    this.#keysLeft -= 1;
    this.#bytesLeft -= bytes;
    return true;
  }

  get found(): number {
    return this.#found;
  }

  get differences(): Difference[] {
    return [...this.#differences.values()];
  }

  /** What was healed in earlier passes was found then; what is found now is the rest of that, or new. */
  #count(rows: number): void {
    this.#pass.found += rows;
    const before = Math.min(this.#found, this.#pass.healedBefore);
    this.#found = Math.max(this.#found, before + this.#pass.found);
  }
}

export function nothingLeft(): ExchangeLeft {
  return {
    repair: 0,
    budget: 0,
    keep: 0,
    wait: 0,
    undecided: 0,
    stopped: 0,
    ourLeaves: 0,
    theirLeaves: 0,
  };
}

const leftInWords: Record<keyof ExchangeLeft, (count: number) => string> = {
  repair: (n) => `${rows(n)} of this replica would change`,
  budget: (n) => `${rows(n)} or more did not fit into the budget`,
  keep: (n) => `${rows(n)} of the peer are wrong`,
  wait: (n) => `${rows(n)} were written meanwhile`,
  undecided: (n) => `nothing tells who is right about ${rows(n)}`,
  stopped: (n) => `${rows(n)} were healed too often`,
  ourLeaves: (n) => `this replica has ${buckets(n)} whose digests are not those of the rows`,
  theirLeaves: (n) => `the peer has ${buckets(n)} whose digests are not those of the rows`,
};

const rows = (count: number): string => (count === 1 ? '1 row' : `${count} rows`);
const buckets = (count: number): string => (count === 1 ? '1 bucket' : `${count} buckets`);

/** A sentence for people, or undefined when nothing is left. */
export function inWords(left: ExchangeLeft): string | undefined {
  const parts = Object.entries(leftInWords).flatMap(([kind, say]) => {
    const count = left[kind as keyof ExchangeLeft];
    return count > 0 ? [say(count)] : [];
  });
  return parts.length === 0 ? undefined : `Left: ${parts.join('; ')}.`;
}
