/**
 * How far a replica is behind (SPEC.md, L1–L3). It learns where the leader's log ends from heads and events,
 * and remembers when it first heard of each; the oldest one it has not applied gives the age. Ages are of
 * this machine's monotonic clock, so no two clocks are compared. Without news from a leader the lag is
 * unknown.
 */

export interface Lag {
  /** Leader's seq − applied seq. */
  ops: number;
  /** Age of the oldest operation not applied, milliseconds; 0 when caught up. */
  ms: number;
}

export interface LagConfig {
  /** After this long without a head the lag is unknown. */
  headSilentMs: number;
  /** Samples kept; past that they are thinned out, which can only make the age larger. */
  samplesMax: number;
}

export class LagTracker {
  readonly #config: LagConfig;
  /** Heads not yet applied, oldest first: seq, and when it was first heard of. */
  #samples: { seq: number; at: number }[] = [];
  #head = 0;
  #heardAt = Number.NEGATIVE_INFINITY;

  constructor(config: LagConfig) {
    this.#config = config;
  }

  /** The leader told at time `now` that its log ends at `seq`. */
  heard(seq: number, now: number): void {
    this.#heardAt = now;
    this.seen(seq, now);
  }

  /** There is an event up to `seq`; it says nothing of whether the leader has gone on since. */
  seen(seq: number, now: number): void {
    if (seq <= this.#head) return;
    this.#head = seq;
    this.#samples.push({ seq, at: now });
    if (this.#samples.length > this.#config.samplesMax) this.#thinOut();
  }

  /** A new leader may have a shorter log than the one before it. */
  restart(): void {
    this.#samples = [];
    this.#head = 0;
    this.#heardAt = Number.NEGATIVE_INFINITY;
  }

  /** Lag of a replica that has applied up to `seq`; `undefined` when unknown. */
  lag(seq: number, now: number): Lag | undefined {
    const applied = this.#samples.findIndex((sample) => sample.seq > seq);
    this.#samples.splice(0, applied < 0 ? this.#samples.length : applied);
    if (now - this.#heardAt > this.#config.headSilentMs) return undefined;
    const oldest = this.#samples[0];
    return { ops: Math.max(0, this.#head - seq), ms: oldest ? Math.max(0, now - oldest.at) : 0 };
  }

  /** Two samples become one, with the seq of the later and the time of the earlier. */
  #thinOut(): void {
    this.#samples = this.#samples.flatMap(({ seq, at }, index, samples) => {
      return index % 2 === 0 ? { seq: samples[index + 1]?.seq ?? seq, at } : [];
    });
  }
}
