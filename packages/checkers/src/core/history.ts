/**
 * A history as checkers see it: operations with their beginning and end, what was read by them, and what was
 * observed of nodes; arranged by key and by session. `assemble.ts` makes it of events.
 */
import type { AckLevel, Position, ReadLevel } from '@driftless/contracts';
import type { HistoryEventOf } from './event.ts';
import type { Span } from './real-time.ts';

export type Versions = '*' | Position[];

/** What a client asked for and what became of it. */
export interface Operation extends Span {
  readonly kind: 'put' | 'delete' | 'increment' | 'get' | 'list';
  /** Of a `list`: its prefix. */
  readonly key: string;
  readonly process: string;
  readonly session: string | undefined;
  /** `put`: what is written. */
  readonly value: string | undefined;
  /** `increment`. */
  readonly by: number;
  readonly ttlMs: number | undefined;
  readonly ifMatch: Versions | undefined;
  readonly ifNoneMatch: Versions | undefined;
  readonly ack: AckLevel;
  readonly consistency: ReadLevel;
  /** `ok` answered; `fail` certainly not done; `info` nobody knows, and `endedAt` is Infinity. */
  outcome: 'ok' | 'fail' | 'info';
  endedAt: number;
  error: string | undefined;
  node: string | undefined;
  /** Written or read. */
  version: Position | undefined;
  /** Where the replica that answered stood. */
  position: Position | undefined;
  /** Read by a `get`, or the counter after an `increment`; null is nothing. */
  answer: string | null | undefined;
  /** Lines of the file: of the beginning and, when there is one, of the end. */
  readonly lines: number[];
}

/** The state that something was seen in: a version, the write that made it, or both. */
export interface State {
  readonly version: Position | undefined;
  readonly write: Operation | undefined;
}

/** One key's value (or its absence) as an answered `get` or `list` gave it. */
export interface Reading extends Span, State {
  readonly operation: Operation;
  readonly key: string;
  /** Null: there was nothing. */
  readonly value: string | null;
}

export type Row = HistoryEventOf<'row'> & { readonly line: number };
export type Observed = HistoryEventOf<'observed'> & { readonly line: number };
export type Applied = HistoryEventOf<'applied'> & { readonly line: number };
export type EpochSeen = HistoryEventOf<'epoch'> & { readonly line: number };
export type LogBatch = HistoryEventOf<'log'> & { readonly line: number };
export type Collected = HistoryEventOf<'collected'> & { readonly line: number };
export type Fault = HistoryEventOf<'fault'> & { readonly line: number };
/** A replica's contents; only whole dumps get here. */
export type Dump = HistoryEventOf<'dump'> & { readonly line: number; readonly contents: Map<string, Row> };

export interface KeyHistory {
  readonly key: string;
  /** Undefined when the history doesn't say how many shards there are. */
  readonly shard: number | undefined;
  /** `put`, `delete` and `increment` of any outcome, by their beginning. */
  readonly writes: Operation[];
  readonly readings: Reading[];
  readonly observed: Observed[];
  /** The newest dump of each node that is `final` and covers the key, with the key's row if it has one. */
  readonly final: { dump: Dump; row: Row | undefined }[];
  /** Puts by what they write. */
  readonly putOf: Map<string, Operation>;
  /** Incremented at least once: its values are sums, and not unique. */
  counter: boolean;
}

export interface History {
  readonly shards: number | undefined;
  readonly operations: Operation[];
  readonly readings: Reading[];
  readonly keys: Map<string, KeyHistory>;
  /** Operations by session, by their beginning. */
  readonly sessions: Map<string, Operation[]>;
  readonly observed: Observed[];
  readonly applied: Applied[];
  readonly epochs: EpochSeen[];
  readonly logs: LogBatch[];
  readonly collected: Collected[];
  readonly dumps: Dump[];
  readonly faults: Fault[];
  /** Ack levels that the faults may have broken. */
  readonly mayLose: ReadonlySet<AckLevel>;
  /** What the file lacks, as sentences: a torn last line, a dump that was not finished. */
  readonly notes: string[];
  shardOf(key: string): number | undefined;
  /** The version lies past the end of its epoch: it was cut off, and is no part of the agreed history. */
  isOrphan(shard: number | undefined, version: Position): boolean;
  /** Acknowledged at a level that had to survive the faults of this history. */
  isDurable(write: Operation): boolean;
}

/** The node's final dump of a shard; `undefined` as shard: of all. */
export function latestFinalDumps(dumps: readonly Dump[]): Dump[] {
  const latest = new Map<string, Dump>();
  for (const dump of dumps) if (dump.final) latest.set(`${dump.node} ${dump.shard ?? '*'}`, dump);
  return [...latest.values()];
}

/** Line numbers of everything involved, in order, each once. */
export function linesOf(...parts: (Operation | { line: number } | undefined)[]): number[] {
  const lines = parts.flatMap((part) =>
    part === undefined ? [] : 'lines' in part ? part.lines : [part.line],
  );
  return [...new Set(lines)].sort((a, b) => a - b);
}

export function isWrite({ kind }: Operation): boolean {
  return kind === 'put' || kind === 'delete' || kind === 'increment';
}
