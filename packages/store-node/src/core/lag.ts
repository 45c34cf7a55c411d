/**
 * How far a replica is behind (SPEC.md, L1–L7). It learns where the leader's log ends from heads and events,
 * and remembers when it first heard of each; the oldest one it has not applied gives the age. Ages are of
 * this machine's monotonic clock, so no two clocks are compared. Without news from a leader the lag is
 * unknown.
 *
 * A replica that was paused or cut off hears late of what was written meanwhile. Such an operation may be as
 * old as the last word before the silence, and counts as that old; where there was no word before (the
 * process has just begun), its age is unknown until it is applied. So the lag of a replica that wakes up is
 * what it missed, not the moment since it woke.
 *
 * Lag is how old the news is that was not applied. Staleness says more: since when the replica may lack
 * something, so it counts the time since the last news too. It is the bound that a bounded read relies on.
 */
import type { Position } from '@driftless/contracts';

export interface Lag {
  /** Leader's seq − applied seq. */
  ops: number;
  /** Age of the oldest operation not applied, milliseconds; 0 when caught up, `undefined` when unknown. */
  ms: number | undefined;
}

export interface LagConfig {
  /** After this long without a head the lag is unknown. */
  headSilentMs: number;
  /** Heads come closer together than this; after a longer pause what is heard may be as old as the pause. */
  headGapMs: number;
  /** Samples kept; past that they are thinned out, which can only make the age larger. */
  samplesMax: number;
}

export class LagTracker {
  readonly #config: LagConfig;
  /**
   * Heads not yet applied, oldest first: seq, when it was first heard of, and when the head before it was
   * told.
   */
  #samples: { seq: number; at: number; since: number }[] = [];
  #head = 0;
  /** Newest head that a replica had applied. */
  #passed = 0;
  /** Epoch of the leader that tells heads, and when it told the last one, at the earliest. */
  #epoch = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  #heardAt = Number.NEGATIVE_INFINITY;
  /** When any leader told something last, at the earliest: all that it had then was heard of. */
  #lastWordAt = Number.NEGATIVE_INFINITY;

  constructor(config: LagConfig) {
    this.#config = config;
  }

  /** The leader told, at `toldAt` at the earliest and heard at time `now`, that its log ends at `seq`. */
  heard(seq: number, now: number, toldAt = now): void {
    this.#heardAt = now;
    this.seen(seq, now);
    this.#lastWordAt = Math.max(this.#lastWordAt, toldAt);
  }

  /** This replica leads for sure at time `now`: there is nothing that it has not heard of. */
  led(now: number): void {
    this.#lastWordAt = now;
  }

  /** Whether the newest head that was told lies past a replica at `applied`, or in a later epoch. */
  isPast(applied: Position): boolean {
    return this.#epoch > applied.epoch || (this.#epoch === applied.epoch && this.#head > applied.seq);
  }

  /** Where the leader's log ends, as far as was heard. */
  get headSeq(): number {
    return this.#head;
  }

  /** There is an event up to `seq`; it says nothing of whether the leader has gone on since. */
  seen(seq: number, now: number): void {
    if (seq <= this.#head) return;
    this.#head = seq;
    const wasSilent = now - this.#lastWordAt > this.#config.headGapMs;
    this.#samples.push({ seq, at: wasSilent ? this.#lastWordAt : now, since: this.#toldAt });
    if (this.#samples.length > this.#config.samplesMax) this.#thinOut();
  }

  /**
   * A leader told that its log ends at `head`: heard at time `now`, but told no earlier than at `toldAt`,
   * since a process that was paused finds old news when it wakes. A deposed leader's word doesn't count.
   */
  told(head: Position, now: number, toldAt: number): void {
    if (head.epoch < this.#epoch) return;
    if (head.epoch > this.#epoch) this.restart();
    this.#epoch = head.epoch;
    this.heard(head.seq, now, toldAt);
    this.#toldAt = toldAt;
  }

  /** A new leader may have a shorter log than the one before it. */
  restart(): void {
    this.#samples = [];
    this.#head = 0;
    this.#passed = 0;
    this.#heardAt = Number.NEGATIVE_INFINITY;
    this.#toldAt = Number.NEGATIVE_INFINITY;
  }

  /** Lag of a replica that has applied up to `seq`; `undefined` when unknown. */
  lag(seq: number, now: number): Lag | undefined {
    this.#pass(seq);
    if (now - this.#heardAt > this.#config.headSilentMs) return undefined;
    const oldest = this.#samples[0];
    return { ops: Math.max(0, this.#head - seq), ms: oldest ? ageOf(oldest.at, now) : 0 };
  }

  /**
   * Time since a replica at `applied` surely had all that its leader had, milliseconds; `undefined` when
   * unknown.
   */
  stalenessMs(applied: Position, now: number): number | undefined {
    if (applied.epoch !== this.#epoch || this.lag(applied.seq, now) === undefined) return undefined;
    // It was cut back since.
    if (applied.seq < this.#passed) return undefined;
    const stalenessMs = now - (this.#samples[0]?.since ?? this.#toldAt);
    return Number.isFinite(stalenessMs) ? stalenessMs : undefined;
  }

  /** Forgets the heads that a replica at `seq` has applied. */
  #pass(seq: number): void {
    const [oldest] = this.#samples;
    if (oldest === undefined || oldest.seq > seq) return;
    const applied = this.#samples.findIndex((sample) => sample.seq > seq);
    const passed = this.#samples.splice(0, applied < 0 ? this.#samples.length : applied);
    this.#passed = passed.at(-1)?.seq ?? this.#passed;
  }

  /** Two samples become one, with the seq of the later and the times of the earlier. */
  #thinOut(): void {
    this.#samples = this.#samples.flatMap(({ seq, at, since }, index, samples) => {
      return index % 2 === 0 ? { seq: samples[index + 1]?.seq ?? seq, at, since } : [];
    });
  }
}

function ageOf(at: number, now: number): number | undefined {
  return Number.isFinite(at) ? Math.max(0, now - at) : undefined;
}
