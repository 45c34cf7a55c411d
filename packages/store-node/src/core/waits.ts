/**
 * Writes that wait for their ack level. Each waits for one seq; a level is reached when its progress, a seq
 * that only grows, has come that far. Clock and promises stay outside: `T` is whatever the shell wants back.
 */
import { type AckLevel, majorityOf } from '@driftless/contracts';
import type { ReplicaSet } from './state.ts';

export interface Wait<T> {
  level: AckLevel;
  seq: number;
  /** Monotonic, milliseconds. */
  deadline: number;
  what: T;
}

/** Up to which seq each level is reached. */
export type AckProgress = Record<AckLevel, number>;

export class AckWaits<T> {
  readonly #waits = new Map<AckLevel, Wait<T>[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(wait: Wait<T>): void {
    const queue = this.#waits.get(wait.level) ?? [];
    this.#waits.set(wait.level, queue);
    // In the order of seqs: a write waits for the newest seq, a read for that of the value it saw.
    const before = queue.findLastIndex(({ seq }) => seq <= wait.seq);
    queue.splice(before + 1, 0, wait);
    this.#size += 1;
  }

  /** Takes out the waits whose level is reached. */
  reached(progress: AckProgress): Wait<T>[] {
    const done: Wait<T>[] = [];
    for (const [level, queue] of this.#waits) {
      const end = queue.findIndex((wait) => wait.seq > progress[level]);
      done.push(...queue.splice(0, end < 0 ? queue.length : end));
    }
    this.#size -= done.length;
    return done;
  }

  /** Takes out the waits whose time is over at `now` (monotonic, milliseconds). */
  expired(now: number): Wait<T>[] {
    return this.#take((wait) => wait.deadline <= now);
  }

  /** Takes all waits out: the leadership that could have fulfilled them is over. */
  abandon(): Wait<T>[] {
    return this.#take(() => true);
  }

  #take(which: (wait: Wait<T>) => boolean): Wait<T>[] {
    const taken: Wait<T>[] = [];
    for (const [level, queue] of this.#waits) {
      if (!queue.some(which)) continue;
      taken.push(...queue.filter(which));
      this.#waits.set(
        level,
        queue.filter((wait) => !which(wait)),
      );
    }
    this.#size -= taken.length;
    return taken;
  }
}

/** Up to which seq operations are replicated, by what followers told; of the sets in force at each. */
export interface Replicated {
  majority: number;
  all: number;
}

/**
 * `sets`: those of the leader's epoch that an operation may still wait for, in order. An operation waits for
 * the set in force at its own seq, so what is replicated ends where the first set ends that lacks something.
 * Nobody waits for what lies before the first one.
 */
export function replicatedBySets(
  sets: readonly ReplicaSet[],
  applied: ReadonlyMap<string, { epoch: number; seq: number }>,
  epoch: number,
): Replicated {
  const through = (count: (members: number) => number): number => {
    let reached = Math.max(0, (sets[0]?.seq ?? 0) - 1);
    for (const [i, { members }] of sets.entries()) {
      reached = Math.max(reached, replicatedSeq(members, applied, epoch, count(members.length)));
      const next = sets[i + 1];
      if (next === undefined || reached < next.seq - 1) return reached;
      reached = next.seq - 1;
    }
    return reached;
  };
  return { majority: through(majorityOf), all: through((members) => members) };
}

/** The sets that operations past what is replicated may still wait for. */
export function setsInUse(sets: readonly ReplicaSet[], { all }: Replicated): readonly ReplicaSet[] {
  const current = sets.findLastIndex(({ seq }) => seq <= all + 1);
  return current > 0 ? sets.slice(current) : sets;
}

/**
 * The seq that at least `count` replicas have applied durably, by what each told (unknown ones count as 0).
 * Only positions of the leader's own epoch count: a replica that hasn't seen this epoch begin may hold
 * orphans.
 */
export function replicatedSeq(
  members: readonly string[],
  applied: ReadonlyMap<string, { epoch: number; seq: number }>,
  epoch: number,
  count: number,
): number {
  const seqs = members.map((member) => {
    const position = applied.get(member);
    return position && position.epoch === epoch ? position.seq : 0;
  });
  return seqs.sort((a, b) => b - a)[count - 1] ?? 0;
}
