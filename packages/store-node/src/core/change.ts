/**
 * What operations do to a replica, computed before anything is written: the entries they lead to, and by how
 * much the root and the leaves move. The leader uses it to stamp an event, a follower to check one; the store
 * writes it in one transaction. Pure, so both sides run the very same code.
 */
import {
  bucketOf,
  type Digest,
  type EpochStart,
  type Operation,
  type Position,
  type RecordedAnswer,
  xorInto,
  zeroDigest,
} from '@driftless/contracts';
import { type Entry, emptyValue, isSound, type Lookup, makeEntry } from './entry.ts';
import { isBrokenBy } from './mutants.ts';
import type { ReplicaSet, ShardState } from './state.ts';

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
  leafXors: ReadonlyMap<number, Digest>;
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
  return { entries: [], removed: [], leafXors: new Map(), answers: [], quarantine: [], ...parts };
}

/** What operations lead to; not yet a change, for nothing says whether it is right. */
export interface Effect {
  entries: Entry[];
  rootXor: Digest;
  leafXors: Map<number, Digest>;
  answers: { answer: RecordedAnswer; version: Position }[];
  /** Rows about to be overwritten whose bytes no longer have their digest. */
  corrupt: Entry[];
  epochStart?: EpochStart & { node: string };
  set?: ReplicaSet;
}

/** The effect of `ops`, the first of which has version (`epoch`, `firstSeq`), on what `lookup` shows. */
export function effectOf(ops: readonly Operation[], epoch: number, firstSeq: number, lookup: Lookup): Effect {
  const touched = new Map<string, { before: Entry | undefined; after: Entry }>();
  const effect: Effect = {
    entries: [],
    rootXor: zeroDigest(),
    leafXors: new Map(),
    answers: [],
    corrupt: [],
  };
  ops.forEach((operation, index) => {
    const version = { epoch, seq: firstSeq + index };
    if ('answer' in operation && operation.answer) effect.answers.push({ answer: operation.answer, version });
    if ('members' in operation && operation.members) {
      effect.set = { seq: version.seq, members: operation.members };
    }
    if (operation.op === 'epoch-started') {
      const { node, stream } = operation;
      effect.epochStart = { epoch, firstSeq: version.seq, node, ...(stream !== undefined && { stream }) };
      return;
    }
    if (operation.op === 'answer' || operation.op === 'members-changed') return;
    if (operation.op === 'delete' && isBrokenBy('drop-tombstone')) return;
    const { key } = operation;
    const known = touched.get(key);
    const before = known ? known.before : lookup(key);
    touched.set(key, { before, after: entryAfter(operation, version) });
  });
  for (const { before, after } of touched.values()) replace(effect, before, after);
  return effect;
}

function entryAfter(operation: Extract<Operation, { key: string }>, version: Position): Entry {
  const { key } = operation;
  return operation.op === 'put'
    ? makeEntry({
        key,
        ...version,
        tombstone: false,
        value: operation.value,
        contentType: operation.contentType,
        expiresAt: operation.expiresAt,
      })
    : makeEntry({ key, ...version, tombstone: true, value: emptyValue, contentType: '', expiresAt: null });
}

/**
 * The kept digest of the old row leaves the root, for that is what went into it, even if the row has rotted.
 */
function replace(effect: Effect, before: Entry | undefined, after: Entry): void {
  effect.entries.push(after);
  xorBoth(effect, after.key, after.digest);
  if (!before) return;
  if (!isSound(before)) effect.corrupt.push(before);
  xorBoth(effect, after.key, before.digest);
}

function xorBoth(effect: Pick<Effect, 'rootXor' | 'leafXors'>, key: string, digest: Digest): void {
  xorInto(effect.rootXor, digest);
  const bucket = bucketOf(key);
  const leaf = effect.leafXors.get(bucket);
  if (leaf) xorInto(leaf, digest);
  else effect.leafXors.set(bucket, digest.slice());
}

/** The effect of replacing rows by others outside the log (a cut): `after` undefined removes the row. */
export function effectOfReplacing(
  pairs: readonly { before?: Entry | undefined; after?: Entry | undefined }[],
): {
  rootXor: Digest;
  leafXors: Map<number, Digest>;
} {
  const effect = { rootXor: zeroDigest(), leafXors: new Map<number, Digest>() };
  for (const { before, after } of pairs) {
    if (before) xorBoth(effect, before.key, before.digest);
    if (after) xorBoth(effect, after.key, after.digest);
  }
  return effect;
}
