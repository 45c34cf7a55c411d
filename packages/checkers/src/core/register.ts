/**
 * One key as an object with conditions: what it holds, and how each operation on it must have been
 * answered. The state is what was last written (unique texts for registers, sums for counters) and, where
 * conditions name versions, which write did it.
 *
 * The object is judged by values alone: versions only tell which write an `If-Match` meant. A version that
 * the history doesn't tie to a write may be that of any write whose version isn't known. A write that may
 * be rolled back (ack levels of `mayLose`) counts as one without an answer: it may be gone, or come back
 * later.
 */
import { counterAbsMax, formatPosition } from '@driftless/contracts';
import type { History, KeyHistory, Operation, Reading, Versions } from './history.ts';
import type { Call, Model } from './search.ts';

export interface Held {
  /** Null: there is nothing. */
  value: string | null;
  /** Index of the write that did it; −1 when there is nothing, or when no condition asks. */
  by: number;
}

const nothing: Held = { value: null, by: -1 };

export const heldModel: Model<Held> = {
  initial: nothing,
  identity: ({ value, by }) => (value === null ? '-' : `${by} ${value}`),
};

export interface KeyCall extends Call<Held> {
  operation: Operation;
}

/** What the linearizability of a key is about: all that changes it, and all that was promised to be exact. */
export function callsOf(history: History, key: KeyHistory): KeyCall[] {
  const writes = key.writes.filter((write) => write.outcome !== 'fail' || isRefusal(history, write));
  const object = new KeyObject(history, key, writes);
  const reads = key.readings.filter(({ operation }) => isStrongRead(operation));
  const calls = [...writes.map((write) => object.callOf(write)), ...reads.map(readCall)];
  for (const write of writes) {
    const expiry = write.ttlMs !== undefined && write.outcome !== 'fail' ? object.expiryOf(write) : undefined;
    if (expiry) calls.push(expiry);
  }
  return object.hasDoubtfulConditions ? calls : calls.filter((call) => !isIrrelevant(call, key, reads));
}

/** A `strong` read of one key. A listing is no snapshot, so its entries promise less. */
export function isStrongRead({ kind, consistency }: Operation): boolean {
  return kind === 'get' && consistency === 'strong';
}

/** A refusal that says something about the state, as the leader's confirmed history had it. */
export function isRefusal({ mayLose }: History, { outcome, error, ack }: Operation): boolean {
  return (
    outcome === 'fail' && !mayLose.has(ack) && (error === 'precondition-failed' || error === 'key-not-found')
  );
}

/** Its answer says something about the state. */
export function hasAnswer(history: History, write: Operation): boolean {
  if (isRefusal(history, write)) return true;
  if (!history.isDurable(write)) return false;
  return write.kind !== 'put' || write.ifMatch !== undefined || write.ifNoneMatch !== undefined;
}

function readCall({ operation, value, invokedAt, endedAt }: Reading): KeyCall {
  const step = (state: Held) => (state.value === value ? state : undefined);
  return { operation, invokedAt, endedAt, readOnly: true, step };
}

/**
 * A put without an answer whose value nobody saw can be left out: in any order that has it, what comes next
 * overwrites it unseen. Conditions, refusals, deletes and expiries could be explained by it, so where there
 * are some it stays.
 */
function isIrrelevant({ operation, endedAt }: KeyCall, key: KeyHistory, reads: readonly Reading[]): boolean {
  if (operation.kind !== 'put' || Number.isFinite(endedAt) || key.counter) return false;
  return !reads.some(({ write }) => write === operation);
}

type Holds = 'yes' | 'no' | 'maybe';

/** What a version names that no write has any more. */
const ofNothing = -2;

class KeyObject {
  /** Some condition may be explained by a write that nobody saw. */
  readonly hasDoubtfulConditions: boolean;
  readonly #history: History;
  readonly #writes: readonly Operation[];
  readonly #indexOf: Map<Operation, number>;
  /** Which write a version is of, as far as the history tells. */
  readonly #writeAt = new Map<string, number>();
  /** Writes whose version is known. */
  readonly #known = new Set<number>();
  readonly #tracksWrites: boolean;

  constructor(history: History, key: KeyHistory, writes: readonly Operation[]) {
    this.#history = history;
    this.#writes = writes;
    this.#indexOf = new Map(writes.map((write, index) => [write, index]));
    const conditional = writes.filter(({ ifMatch, ifNoneMatch }) => ifMatch ?? ifNoneMatch);
    this.#tracksWrites = conditional.length > 0 || writes.some(({ ttlMs }) => ttlMs !== undefined);
    const doubtful = (write: Operation) =>
      write.kind === 'delete' || write.ttlMs !== undefined || isRefusal(history, write);
    this.hasDoubtfulConditions = conditional.length > 0 || writes.some(doubtful);
    for (const write of writes) this.#learn(write, write.version && formatPosition(write.version));
    const seen = [...key.readings, ...key.observed, ...key.final.flatMap(({ row }) => row ?? [])];
    for (const { value, version } of seen) {
      const put = value === null || key.counter ? undefined : key.putOf.get(value);
      if (put) this.#learn(put, version && formatPosition(version));
    }
  }

  /**
   * A rolled back write can come back under another version, so its first one does not bind it. One that was
   * acknowledged for good is at the version of the acknowledgement: another, seen on a deposed replica before
   * a retry did it again, is that of nothing.
   */
  #learn(write: Operation, version: string | undefined): void {
    const index = this.#indexOf.get(write);
    if (version === undefined || index === undefined || write.outcome === 'fail') return;
    const isForGood = this.#history.isDurable(write);
    const isAnother = isForGood && write.version && formatPosition(write.version) !== version;
    this.#writeAt.set(version, isAnother ? ofNothing : index);
    if (isForGood) this.#known.add(index);
  }

  callOf(write: Operation): KeyCall {
    const { invokedAt } = write;
    if (isRefusal(this.#history, write)) {
      const step = (state: Held) => (this.#mayBeRefused(write, state) ? state : undefined);
      return { operation: write, invokedAt, endedAt: write.endedAt, readOnly: true, step };
    }
    const isAnswered = this.#history.isDurable(write);
    const endedAt = isAnswered ? write.endedAt : Number.POSITIVE_INFINITY;
    const step = (state: Held) => this.#apply(write, state, isAnswered);
    const twin = isAnswered || write.ifMatch || write.ifNoneMatch ? undefined : this.#twinOf(write);
    return { operation: write, invokedAt, endedAt, readOnly: false, twin, step };
  }

  /** A value with a time to live may go at any time after it, as a delete that nobody asked for. */
  expiryOf(put: Operation): KeyCall {
    const by = this.#indexOf.get(put);
    const step = (state: Held) => (state.value !== null && state.by === by ? nothing : undefined);
    const invokedAt = put.invokedAt + (put.ttlMs ?? 0);
    return { operation: put, invokedAt, endedAt: Number.POSITIVE_INFINITY, readOnly: false, step };
  }

  #twinOf({ kind, by }: Operation): string | undefined {
    if (kind === 'delete') return 'delete';
    return kind === 'increment' && !this.#tracksWrites ? `increment ${by}` : undefined;
  }

  #apply(write: Operation, state: Held, isAnswered: boolean): Held | undefined {
    if (this.#conditions(write, state) === 'no') return undefined;
    const by = this.#tracksWrites ? (this.#indexOf.get(write) ?? -1) : -1;
    if (write.kind === 'put') return { value: write.value ?? null, by };
    if (write.kind === 'delete') return state.value === null ? undefined : nothing;
    const sum = Number(state.value ?? '0') + write.by;
    if (!Number.isSafeInteger(sum) || Math.abs(sum) > counterAbsMax) return undefined;
    const value = String(sum);
    const fits = !isAnswered || write.answer === undefined || write.answer === value;
    return fits ? { value, by } : undefined;
  }

  #mayBeRefused(write: Operation, state: Held): boolean {
    if (write.error === 'key-not-found') return state.value === null;
    return this.#conditions(write, state) !== 'yes';
  }

  #conditions({ ifMatch, ifNoneMatch }: Operation, state: Held): Holds {
    const matches = ifMatch === undefined ? 'yes' : this.#isAt(ifMatch, state);
    const none = ifNoneMatch === undefined ? 'no' : this.#isAt(ifNoneMatch, state);
    if (matches === 'no' || none === 'yes') return 'no';
    return matches === 'yes' && none === 'no' ? 'yes' : 'maybe';
  }

  /** Whether the key is at one of these versions. */
  #isAt(versions: Versions, { value, by }: Held): Holds {
    if (value === null) return 'no';
    if (versions === '*') return 'yes';
    const named = versions.map((version) => this.#writeAt.get(formatPosition(version)));
    if (named.includes(by)) return this.#isSure(by) ? 'yes' : 'maybe';
    return this.#known.has(by) || !named.includes(undefined) ? 'no' : 'maybe';
  }

  /** Only a write that can't be rolled back is at the version that it was seen at, and at no other. */
  #isSure(by: number): boolean {
    const write = this.#writes[by];
    return write !== undefined && this.#history.isDurable(write);
  }
}
