/**
 * How long commits of a leader take until every member has them on its disk, and since when each member lacks
 * something (SPEC.md, C1–C4). It samples: commits that are close together are one sample, with the time of
 * the first and the seq of the last, so ages are never too small, and what a commit costs is a comparison.
 * Followers are looked at when they tell, not for each operation.
 */
import type { Position } from '@driftless/contracts';
import { replicatedSeq } from './waits.ts';

export interface ConvergenceLimits {
  /** Commits this close together are one sample, milliseconds. */
  sampleMs: number;
  /** Samples kept; past that neighbours become one, which can only make ages larger. */
  samplesMax: number;
}

export interface MemberLag {
  /** Operations that it has not told to have; `undefined` while it has told nothing of this epoch. */
  ops: number | undefined;
  /** Age of the oldest commit of this epoch that it has not told to have, milliseconds; 0: there is none. */
  ms: number;
}

/** `now`, in all of it: monotonic, milliseconds. `told`: what each member told to have applied durably. */
export class Convergence {
  readonly #epoch: number;
  readonly #limits: ConvergenceLimits;
  /** Commits that not every member is known to have, oldest first. */
  #samples: { seq: number; at: number }[] = [];
  #head = 0;

  constructor(epoch: number, limits: ConvergenceLimits) {
    this.#epoch = epoch;
    this.#limits = limits;
  }

  /** The leader's log ends at `seq` now. */
  committed(seq: number, now: number): void {
    this.#head = seq;
    const last = this.#samples.at(-1);
    if (last && now - last.at < this.#limits.sampleMs) {
      last.seq = seq;
      return;
    }
    this.#samples.push({ seq, at: now });
    if (this.#samples.length > this.#limits.samplesMax) this.#thinOut();
  }

  /** How long each sample took that all of `members` have now and did not have before, milliseconds. */
  reached(members: readonly string[], told: ReadonlyMap<string, Position>, now: number): number[] {
    const oldest = this.#samples[0];
    if (oldest === undefined) return [];
    const seq = replicatedSeq(members, told, this.#epoch, members.length);
    if (seq < oldest.seq) return [];
    const behind = this.#samples.findIndex((sample) => sample.seq > seq);
    const done = this.#samples.splice(0, behind < 0 ? this.#samples.length : behind);
    return done.map(({ at }) => Math.max(0, now - at));
  }

  lagOf(member: string, told: ReadonlyMap<string, Position>, now: number): MemberLag {
    const position = told.get(member);
    const seq = position?.epoch === this.#epoch ? position.seq : undefined;
    const oldest = this.#samples.find((sample) => sample.seq > (seq ?? 0));
    const ops = seq === undefined ? undefined : Math.max(0, this.#head - seq);
    return { ops, ms: oldest ? Math.max(0, now - oldest.at) : 0 };
  }

  #thinOut(): void {
    this.#samples = this.#samples.flatMap(({ seq, at }, index, samples) => {
      return index % 2 === 0 ? { seq: samples[index + 1]?.seq ?? seq, at } : [];
    });
  }
}
