/**
 * Arranges what was recorded by key and by session, and ties values to the puts that wrote them. Two puts
 * of one value under a key are refused: with them, a checker that judges by values would only invent
 * verdicts.
 */
import { comparePositions, type Position, shardOf } from '@driftless/contracts';
import {
  type EpochSeen,
  type History,
  isWrite,
  type KeyHistory,
  latestFinalDumps,
  type Operation,
  type Reading,
} from './history.ts';
import { compareTimes } from './real-time.ts';

/** Says that a file is not the history that its recorder should have written. */
export class HistoryError extends Error {
  /** 1 for the first line. */
  readonly line: number;
  constructor(line: number, problem: string) {
    super(`line ${line} ${problem}`);
    this.name = 'HistoryError';
    this.line = line;
  }
}

/** What a `list` was answered. */
export interface Listing {
  operation: Operation;
  entries: { key: string; version?: Position | undefined; value: string }[];
}

type Parts = Pick<
  History,
  | 'shards'
  | 'operations'
  | 'observed'
  | 'applied'
  | 'epochs'
  | 'logs'
  | 'collected'
  | 'dumps'
  | 'faults'
  | 'mayLose'
  | 'notes'
> & { lists: Listing[] };

export function arrange({ lists, ...parts }: Parts): History {
  const keys = new Map<string, KeyHistory>();
  const shardOfKey = (key: string) => (parts.shards === undefined ? undefined : shardOf(key, parts.shards));
  const keyOf = (key: string): KeyHistory => {
    const found = keys.get(key) ?? newKey(key, shardOfKey(key));
    keys.set(key, found);
    return found;
  };
  for (const operation of parts.operations) if (isWrite(operation)) addWrite(keyOf(operation.key), operation);
  const readings = readingsOf(parts.operations, lists, keyOf);
  for (const { writes } of keys.values()) writes.sort((a, b) => compareTimes(a.invokedAt, b.invokedAt));
  for (const reading of readings) keyOf(reading.key).readings.push(reading);
  for (const observed of parts.observed) keyOf(observed.key).observed.push(observed);
  for (const { contents } of parts.dumps) for (const key of contents.keys()) keyOf(key);
  const final = latestFinalDumps(parts.dumps);
  for (const { key, shard, final: held } of keys.values()) {
    for (const dump of final) {
      if (dump.shard === undefined || dump.shard === shard || dump.contents.has(key)) {
        held.push({ dump, row: dump.contents.get(key) });
      }
    }
  }
  const sessions = Map.groupBy(
    parts.operations.filter(({ session }) => session !== undefined),
    ({ session }) => session as string,
  );
  const { mayLose } = parts;
  return {
    ...parts,
    readings,
    keys,
    sessions,
    shardOf: shardOfKey,
    isOrphan: orphanTest(parts.epochs),
    isDurable: ({ outcome, ack }) => outcome === 'ok' && !mayLose.has(ack),
  };
}

function newKey(key: string, shard: number | undefined): KeyHistory {
  const lists = { writes: [], readings: [], observed: [], final: [] };
  return { key, shard, ...lists, putOf: new Map(), counter: false };
}

function addWrite(key: KeyHistory, write: Operation): void {
  key.writes.push(write);
  if (write.kind === 'increment') key.counter = true;
  if (write.value === undefined) return;
  const before = key.putOf.get(write.value);
  if (before) {
    throw new HistoryError(write.lines[0] ?? 0, `puts the value that line ${before.lines[0]} puts already`);
  }
  key.putOf.set(write.value, write);
}

function readingsOf(
  operations: readonly Operation[],
  lists: readonly Listing[],
  keyOf: (key: string) => KeyHistory,
): Reading[] {
  const readings: Reading[] = [];
  const add = (operation: Operation, key: string, value: string | null, version: Position | undefined) => {
    const { counter, putOf } = keyOf(key);
    const write = value === null || counter ? undefined : putOf.get(value);
    const { invokedAt, endedAt } = operation;
    readings.push({ operation, key, value, version, write, invokedAt, endedAt });
  };
  for (const operation of operations) {
    const { kind, outcome, key, answer, version } = operation;
    if (kind === 'get' && outcome === 'ok' && answer !== undefined) add(operation, key, answer, version);
  }
  for (const { operation, entries } of lists) {
    for (const { key, value, version } of entries) add(operation, key, value, version);
  }
  return readings.sort((a, b) => compareTimes(a.invokedAt, b.invokedAt));
}

/** DESIGN §4: a version (e, s) with s past the end of e is an orphan; e ends where the next epoch begins. */
function orphanTest(epochs: readonly EpochSeen[]): History['isOrphan'] {
  const starts = new Map<number, Position[]>();
  for (const [shard, seen] of Map.groupBy(epochs, ({ shard }) => shard)) {
    const positions = seen.map(({ epoch, firstSeq }) => ({ epoch, seq: firstSeq }));
    starts.set(shard, positions.sort(comparePositions));
  }
  return (shard, { epoch, seq }) => {
    const next = shard === undefined ? undefined : starts.get(shard)?.find((start) => start.epoch > epoch);
    return next !== undefined && seq >= next.seq;
  };
}
