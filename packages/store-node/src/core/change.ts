/**
 * What operations do to a replica, computed before anything is written: the entries they lead to, and by how
 * much the root and the leaves move. The leader uses it to stamp an event, a follower to check one; the store
 * writes it in one transaction. Pure, so both sides run the very same code.
 */
import {
  type Batch,
  bucketOf,
  type CollectedEntry,
  comparePositions,
  type EpochStart,
  lastSeqOf,
  type Operation,
  type Position,
  type RecordedAnswer,
} from '@driftless/contracts';
import { type Entry, emptyValue, type Head, isSound, type Lookup, makeEntry } from './entry.ts';
import { LeafXors } from './leaf-xors.ts';
import { isBrokenBy } from './mutants.ts';
import type { Collected, ReplicaSet, ShardState } from './state.ts';

/** A batch in the log: the event's own bytes. */
export interface LogRow {
  firstSeq: number;
  lastSeq: number;
  epoch: number;
  /** Leader's wall clock, milliseconds. */
  committedAt: number;
  event: Uint8Array;
}

/** Something set aside instead of being lost: what repair overwrote, or an event that couldn't be used. */
export interface Quarantined {
  kind: 'row' | 'event';
  /** Key of a row; JetStream sequence of an event, as text. */
  name: string;
  reason: string;
  bytes: Uint8Array;
}

/** An operation in a deposed leader's log that the new history doesn't have. */
export interface Orphan {
  version: Position;
  operation: Operation & { key: string };
  /** The leader has refused it, for somebody wrote the key since: it is kept for a person to decide. */
  offered: boolean;
}

/** Cuts a deposed leader's log. */
export interface Cut {
  /** Last seq that stays. */
  afterSeq: number;
  orphans: Orphan[];
}

/** Everything that one transaction moves together. */
export interface Change {
  /** Final entry of each touched key. */
  entries: Entry[];
  /** Keys whose rows go altogether; none of them has an entry here. */
  removed: readonly string[];
  /** By how much each touched Merkle leaf moves: leaf ^= value. */
  leafXors: LeafXors;
  state: ShardState;
  log?: LogRow;
  epochStart?: EpochStart & { node: string };
  /** The replica set that an operation named. */
  set?: ReplicaSet;
  answers: { answer: RecordedAnswer; version: Position }[];
  quarantine: Quarantined[];
  cut?: Cut;
}

/** A change of nothing but what `parts` says. */
export function changeOf(parts: Partial<Change> & Pick<Change, 'state'>): Change {
  const { leafXors = new LeafXors(0) } = parts;
  return { entries: [], removed: [], answers: [], quarantine: [], ...parts, leafXors };
}

/** One change after the other, of other rows and leaves, none of them in the log. */
export function bothChanges(first: Change, then: Change): Change {
  return changeOf({
    entries: [...first.entries, ...then.entries],
    removed: [...first.removed, ...then.removed],
    leafXors: LeafXors.of([...first.leafXors, ...then.leafXors]),
    quarantine: [...first.quarantine, ...then.quarantine],
    state: then.state,
  });
}

/** What operations lead to; not yet a change, for nothing says whether it is right. */
export interface Effect {
  entries: Entry[];
  /** Keys whose rows go for good. */
  removed: string[];
  leafXors: LeafXors;
  answers: { answer: RecordedAnswer; version: Position }[];
  /** Rows about to be overwritten or removed whose bytes no longer have their digest. */
  corrupt: Entry[];
  epochStart?: EpochStart & { node: string };
  set?: ReplicaSet;
  /** Of the operations that remove rows for good. */
  collected?: Collected;
}

/** What was under a key before the operations, and what is after them. */
interface Touched {
  before: Entry | Head | undefined;
  after: Entry | undefined;
}

/** Rows that operations lead to, and what was there before; looked up once a key. */
class Overlay {
  readonly #lookup: Lookup;
  readonly touched = new Map<string, Touched>();

  constructor(lookup: Lookup) {
    this.#lookup = lookup;
  }

  set(key: string, after: Entry | undefined): void {
    const known = this.touched.get(key);
    if (known) known.after = after;
    else this.touched.set(key, { before: this.#lookup(key), after });
  }

  /** A row that is another one by now stays. */
  remove({ key, version }: CollectedEntry): void {
    const known = this.touched.get(key);
    const row = known ? known.after : this.#lookup(key);
    if (!row || comparePositions(row, version) !== 0) return;
    if (known) known.after = undefined;
    else this.touched.set(key, { before: row, after: undefined });
  }
}

/** The effect of `ops`, the first of which has version (`epoch`, `firstSeq`), on what `lookup` shows. */
export function effectOf(ops: readonly Operation[], epoch: number, firstSeq: number, lookup: Lookup): Effect {
  const rows = new Overlay(lookup);
  const effect: Effect = {
    entries: [],
    removed: [],
    leafXors: new LeafXors(ops.length),
    answers: [],
    corrupt: [],
  };
  for (let index = 0; index < ops.length; index += 1) {
    carryOut(ops[index] as Operation, epoch, firstSeq + index, rows, effect);
  }
  for (const [key, { before, after }] of rows.touched) replace(effect, key, before, after);
  return effect;
}

function carryOut(operation: Operation, epoch: number, seq: number, rows: Overlay, effect: Effect): void {
  if ('answer' in operation && operation.answer) {
    effect.answers.push({ answer: operation.answer, version: { epoch, seq } });
  }
  switch (operation.op) {
    case 'epoch-started': {
      const { node, stream, members } = operation;
      effect.epochStart = { epoch, firstSeq: seq, node, ...(stream !== undefined && { stream }) };
      if (members) effect.set = { seq, members };
      return;
    }
    case 'members-changed':
      effect.set = { seq, members: operation.members };
      return;
    case 'answer':
      return;
    case 'collected':
      for (const entry of operation.entries) rows.remove(entry);
      effect.collected = laterCollected(collectedBy(operation.entries, seq), effect.collected);
      return;
    case 'delete':
    case 'put':
      if (operation.op === 'delete' && isBrokenBy('drop-tombstone')) return;
      rows.set(operation.key, entryAfter(operation, epoch, seq));
      return;
  }
}

function collectedBy(entries: readonly CollectedEntry[], seq: number): Collected {
  return { seq, epoch: Math.max(...entries.map(({ version }) => version.epoch)) };
}

export function laterCollected(one: Collected, other: Collected | undefined): Collected {
  if (!other) return one;
  return { seq: Math.max(one.seq, other.seq), epoch: Math.max(one.epoch, other.epoch) };
}

function entryAfter(operation: Extract<Operation, { key: string }>, epoch: number, seq: number): Entry {
  const isPut = operation.op === 'put';
  return makeEntry({
    key: operation.key,
    epoch,
    seq,
    tombstone: !isPut,
    value: isPut ? operation.value : emptyValue,
    contentType: isPut ? operation.contentType : '',
    expiresAt: isPut ? operation.expiresAt : null,
  });
}

/**
 * The kept digest of the old row leaves the root, for that is what went into it, even if the row has rotted.
 */
function replace(
  effect: Effect,
  key: string,
  before: Entry | Head | undefined,
  after: Entry | undefined,
): void {
  const bucket = bucketOf(key);
  if (after) {
    effect.entries.push(after);
    effect.leafXors.add(bucket, after.digest);
  }
  if (!before) return;
  if (!after) effect.removed.push(key);
  if ('value' in before && !isSound(before)) effect.corrupt.push(before);
  effect.leafXors.add(bucket, before.digest);
}

/** The change of a batch of the leader's own, in the log as `event`. */
export function changeOfLeader(state: ShardState, batch: Batch, effect: Effect, event: Uint8Array): Change {
  const { firstSeq, epoch, committedAt, postRoot: root } = batch;
  const lastSeq = lastSeqOf(batch);
  const { entries, removed, leafXors, answers, set } = effect;
  const collected = laterCollected(state.collected, effect.collected);
  return changeOf({
    entries,
    removed,
    leafXors,
    answers,
    log: { firstSeq, lastSeq, epoch, committedAt, event },
    ...(set && { set }),
    state: { ...state, applied: { epoch, seq: lastSeq }, root, collected, set: set ?? state.set },
  });
}

/** What replacing rows outside the log (a cut) does to the leaves; `after` undefined removes the row. */
export function leafXorsOf(
  pairs: readonly { key: string; before?: Head | undefined; after?: Head | undefined }[],
): LeafXors {
  const xors = new LeafXors(pairs.length);
  for (const { key, before, after } of pairs) {
    if (before) xors.add(bucketOf(key), before.digest);
    if (after) xors.add(bucketOf(key), after.digest);
  }
  return xors;
}
