/**
 * A shard with some replicas in memory, for tests. Whenever somebody waits, dice may let a leader write, or
 * a replica apply what is next for it; so everything that an exchange asks is asked in a moving world.
 */
import { bucketOf, entryDigest, equalDigest } from '@driftless/contracts';
import { History, textOf } from './history.ts';
import { MemoryReplica } from './replica.ts';

export interface Dice {
  /** A whole number from 0 to below `count`. */
  below(count: number): number;
}

export class World {
  readonly history = new History();
  readonly replicas: MemoryReplica[];
  readonly #dice: Dice;
  readonly #keys: readonly string[];
  /** Batches that may still be written while somebody waits. */
  writesLeft = 0;
  /** Collections and new epochs happen too. */
  isEventful = true;

  constructor(count: number, keys: readonly string[], dice: Dice) {
    this.#keys = keys;
    this.#dice = dice;
    this.replicas = Array.from({ length: count }, () => new MemoryReplica(() => this.#goOn()));
  }

  /** Some batches, which all replicas apply. */
  fill(batches: number): void {
    for (let i = 0; i < batches; i += 1) this.happens();
    this.catchUp();
  }

  /** One batch is written. */
  happens(): void {
    const what = this.isEventful ? this.#dice.below(20) : 2;
    if (what === 0) this.history.startEpoch();
    else if (what === 1) this.history.collect();
    else {
      const count = 1 + this.#dice.below(3);
      this.history.write(
        Array.from({ length: count }, () => {
          const key = this.#keys[this.#dice.below(this.#keys.length)] as string;
          return this.#dice.below(5) === 0 ? { key } : { key, value: `value ${this.#dice.below(1000)}` };
        }),
      );
    }
  }

  catchUp(): void {
    for (const replica of this.replicas) while (this.deliver(replica));
  }

  /** The next batch for the replica; false when there is none. */
  deliver(replica: MemoryReplica, skips = false): boolean {
    const batch = this.history.batches.find(({ firstSeq }) => firstSeq > replica.position().seq);
    if (batch) replica.apply(batch, skips);
    return batch !== undefined;
  }

  async #goOn(): Promise<void> {
    for (let times = this.#dice.below(3); times > 0; times -= 1) {
      if (this.writesLeft > 0 && this.#dice.below(2) === 0) {
        this.writesLeft -= 1;
        this.happens();
      } else {
        this.deliver(this.replicas[this.#dice.below(this.replicas.length)] as MemoryReplica);
      }
    }
    await undefined;
  }

  /** What is wrong with a replica, looked at row by row: the proof that needs no tree. Sorted. */
  wrongKeys(replica: MemoryReplica): string[] {
    const { seq } = replica.position();
    const truth = seq === 0 ? new Map() : this.history.rowsAt(seq);
    const keys = new Set([...truth.keys(), ...replica.rows.keys()]);
    return [...keys].filter((key) => textOf(truth.get(key)) !== textOf(replica.rows.get(key))).sort();
  }

  /** Keys whose rows differ between two replicas, by their bytes. Sorted. */
  differingKeys(a: MemoryReplica, b: MemoryReplica): string[] {
    const keys = [...new Set([...a.rows.keys(), ...b.rows.keys()])];
    const differs = (key: string): boolean => {
      const [ours, theirs] = [a.rows.get(key), b.rows.get(key)];
      if (!ours || !theirs) return ours !== theirs;
      return !equalDigest(entryDigest(ours.entry), entryDigest(theirs.entry));
    };
    return keys.filter(differs).sort();
  }

  /** What a scrub finds: buckets whose rows, digests and leaf don't fit together. */
  scrub(replica: MemoryReplica): number[] {
    const keys = [...this.#keys, ...replica.rows.keys()];
    return [...new Set(keys.map(bucketOf))].filter((bucket) => !replica.isSound(bucket));
  }
}
