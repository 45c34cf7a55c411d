/**
 * Captures of the leaves, for comparing replicas at exactly the same position: whoever asks names a seq
 * that lies a little ahead, and every replica copies its leaves (64 KiB) in the commit that reaches it.
 * Batches end at the same seq everywhere, so two captures of one seq are of one state, and writes go on
 * meanwhile.
 */
import { type Capture, type LeafDigests, type Missed, merkleRoot } from '@driftless/anti-entropy';
import { DriftlessError, xorDigest } from '@driftless/contracts';
import type { Clock } from '@driftless/runtime';
import { isSettling, type ShardState } from '../core/state.ts';

/** Captures kept at a time; the oldest goes first. */
const capturesMax = 4;
/** How long a capture is kept, milliseconds. */
const keptMs = 60_000;
/** Requests that may wait for a position at a time. */
const waitsMax = 64;

export interface KeptCapture extends Capture {
  leaves: LeafDigests;
}

/** What there is to capture. */
export interface Captured {
  state: ShardState;
  leaves: LeafDigests;
}

interface Wait {
  atSeq: number;
  end(found: KeptCapture | Missed): void;
}

export class Captures {
  readonly #clock: Clock;
  readonly #view: () => Captured;
  readonly #kept = new Map<string, { capture: KeptCapture; until: number }>();
  readonly #waits = new Set<Wait>();
  #taken = 0;

  /** `view` is asked at the very commit that is captured. */
  constructor(clock: Clock, view: () => Captured) {
    this.#clock = clock;
    this.#view = view;
  }

  /** At the first commit at or past `atSeq`, which may be the last one. Throws `overloaded`. */
  take(state: ShardState, atSeq: number, waitMs: number): Promise<KeptCapture | Missed> {
    const { applied } = state;
    // What a cut has put back is not of this position.
    if (isSettling(state)) return Promise.resolve({ reason: 'unavailable', position: applied });
    if (applied.seq > atSeq) return Promise.resolve({ reason: 'passed', position: applied });
    if (applied.seq === atSeq) return Promise.resolve(this.#capture());
    if (this.#waits.size >= waitsMax) {
      throw new DriftlessError('overloaded', 'Too many captures are waited for.');
    }
    return new Promise((resolve) => {
      const end = (found: KeptCapture | Missed): void => {
        callOff();
        this.#waits.delete(wait);
        resolve(found);
      };
      const wait = { atSeq, end };
      const late = (): void => end({ reason: 'not-reached', position: this.#view().state.applied });
      const callOff = this.#clock.after(waitMs, late);
      this.#waits.add(wait);
    });
  }

  /** One that was taken; undefined when it is not kept any more. */
  get(id: string): KeptCapture | undefined {
    return this.#kept.get(id)?.capture;
  }

  /** Time passes: what is too old to be compared goes. */
  tick(now: number): void {
    for (const [id, { until }] of this.#kept) if (now >= until) this.#kept.delete(id);
  }

  /** A commit moved the position to `applied`, in one step of the log. */
  committed({ applied }: ShardState): void {
    if (this.#waits.size === 0) return;
    const reached = [...this.#waits].filter(({ atSeq }) => atSeq <= applied.seq);
    if (reached.length === 0) return;
    const capture = this.#capture();
    for (const wait of reached) wait.end(capture);
  }

  /** Another replica has taken the place of this one: what was captured or waited for is of the old one. */
  replaced({ applied }: ShardState): void {
    this.#kept.clear();
    for (const wait of [...this.#waits]) wait.end({ reason: 'unavailable', position: applied });
  }

  #capture(): KeptCapture {
    const { state, leaves } = this.#view();
    const root = leaves.root();
    const drift = xorDigest(root, xorDigest(state.root, state.drift));
    this.#taken += 1;
    const id = `${this.#clock.wall()}-${this.#taken}`;
    const { applied: position } = state;
    const capture = { id, position, leaves, root, tree: merkleRoot(leaves), drift };
    this.#keep(capture);
    return capture;
  }

  #keep(capture: KeptCapture): void {
    this.#kept.set(capture.id, { capture, until: this.#clock.monotonic() + keptMs });
    for (const id of this.#kept.keys()) {
      if (this.#kept.size <= capturesMax) return;
      this.#kept.delete(id);
    }
  }
}
