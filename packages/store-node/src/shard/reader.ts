/**
 * Reads. Every row's digest is recomputed before the row goes out (a microsecond or so): a rotten row is
 * found when it is met, set aside and never served. A replica that isn't healthy refuses, and the caller asks
 * another.
 */
import {
  DriftlessError,
  type Freshness,
  formatPosition,
  isLeaderLevel,
  isReserved,
  type ListAnswer,
  type ListHeader,
  type ReadResult,
  type Row,
  type Standing,
} from '@driftless/contracts';
import type { TraceSpan } from '@driftless/runtime';
import { type Entry, isSound, isVisible } from '../core/entry.ts';
import type { Lag } from '../core/lag.ts';
import { isDrifted, isSettling } from '../core/state.ts';
import { requireFresh } from './freshness.ts';
import type { ShardReplica } from './replica.ts';

/**
 * How long a read may take until the stream has confirmed what it saw, milliseconds: less than a gateway
 * waits, which takes silence for sickness.
 */
const confirmTimeoutMs = 1800;
/** Rows that a listing looks at before other work gets its turn. */
const listStretchRows = 500;
/** Most bytes of values in one page of a listing. */
const listBytesMax = 4 * 1024 * 1024;

export function standingOf(replica: ShardReplica): Standing {
  const { shard, state, lag, clock } = replica.context;
  const known = replica.leader ? lagOfLeader(replica) : lag.lag(state.applied.seq, clock.monotonic());
  return {
    shard,
    position: state.applied,
    settled: state.confirmedSeq >= state.applied.seq,
    ...(known && { lagOps: known.ops }),
    ...(known?.ms !== undefined && { lagMs: Math.round(known.ms) }),
  };
}

/** One whose lease has lapsed may have been followed by another, and does not know what that has written. */
function lagOfLeader({ leadsForSure }: ShardReplica): Lag | undefined {
  return leadsForSure ? { ops: 0, ms: 0 } : undefined;
}

export interface ReadOutcome {
  result: ReadResult;
  value: Uint8Array | undefined;
}

/**
 * At once where nothing is to be waited for: most reads by far, which need no promise. Throws
 * `DriftlessError`, or rejects with it.
 */
export function readKey(
  replica: ShardReplica,
  key: string,
  freshness: Freshness,
  span?: TraceSpan,
): ReadOutcome | Promise<ReadOutcome> {
  const isEventual = freshness.level === 'eventual' && !freshness.seen;
  if (isEventual) return outcomeOf(replica, healthyEntry(replica, key), undefined);
  return freshEntry(replica, key, freshness, span).then(({ entry, standing }) =>
    outcomeOf(replica, entry, standing),
  );
}

function outcomeOf(
  replica: ShardReplica,
  entry: Entry | undefined,
  standing: Standing | undefined,
): ReadOutcome {
  if (isVisible(entry, replica.context.clock.wall())) {
    const { contentType: type, value, expiresAt } = entry;
    const version = formatPosition(entry);
    const at = { expiresAt: expiresAt ?? undefined, standing };
    return { result: { found: true, version, type, bytes: value.length, ...at }, value };
  }
  const version = entry && formatPosition(entry);
  return { result: { found: false, version, standing }, value: undefined };
}

async function freshEntry(
  replica: ShardReplica,
  key: string,
  freshness: Freshness,
  span: TraceSpan | undefined,
): Promise<{ entry: Entry | undefined; standing: Standing }> {
  const deadline = replica.context.clock.monotonic() + confirmTimeoutMs;
  await requireFresh(replica, freshness, span);
  const entry = healthyEntry(replica, key);
  // Taken together: while the value waits to be confirmed, the replica goes on.
  const standing = standingOf(replica);
  if (isLeaderLevel(freshness.level)) await requireConfirmed(replica, entry?.seq ?? 0, deadline, span);
  return { entry, standing };
}

/** What was seen is confirmed, under a lease that is ours before and after. */
async function requireConfirmed(
  replica: ShardReplica,
  seq: number,
  deadline: number,
  span: TraceSpan | undefined,
): Promise<void> {
  const leader = replica.requireLeader();
  span?.event('waits for the stream to confirm the value');
  await leader.confirmed(seq, deadline - replica.context.clock.monotonic());
  if (!replica.leadsForSure) throw new DriftlessError('not-leader', 'The lease of the leader has lapsed.');
}

export function requireHealthy(replica: ShardReplica): void {
  const { halted, restoring, state, shard } = replica.context;
  if (halted === undefined && !restoring && !isDrifted(state) && !isSettling(state)) return;
  throw new DriftlessError('replica-unavailable', `This replica of shard ${shard} is not healthy.`);
}

function healthyEntry(replica: ShardReplica, key: string): Entry | undefined {
  requireHealthy(replica);
  const entry = replica.context.store.get(key);
  if (entry && !isSound(entry)) throw foundRotten(replica, entry);
  return entry;
}

/** Sets the row aside and takes the replica out of service until it is proven sound. */
function foundRotten(replica: ShardReplica, entry: Entry): DriftlessError {
  const { soundness, instruments, shard } = replica.context;
  instruments.corruptReads.add(1, { shard: String(shard) });
  soundness.foundRotten(entry, "A row's bytes did not have its digest when read.");
  return new DriftlessError('replica-unavailable', 'The row on this replica is damaged.');
}

function headOf(entry: Entry) {
  return {
    version: formatPosition(entry),
    type: entry.contentType,
    bytes: entry.value.length,
    ...(entry.expiresAt !== null && { expiresAt: entry.expiresAt }),
  };
}

/**
 * A page of visible entries; `more` says that the listing goes on after the last one. Tombstones and expired
 * entries are passed over, with a pause after each stretch of rows so that other work gets its turn.
 */
export async function listKeys(
  replica: ShardReplica,
  query: ListHeader,
  span?: TraceSpan,
): Promise<{ answer: Omit<ListAnswer, 'node'>; values: Uint8Array[] }> {
  const deadline = replica.context.clock.monotonic() + confirmTimeoutMs;
  await requireFresh(replica, query, span);
  const page = new ListPage(query, replica.context.clock.wall());
  const more = await fillPage(replica, query, page);
  const standing = standingOf(replica);
  if (isLeaderLevel(query.level)) await requireConfirmed(replica, standing.position.seq, deadline, span);
  return { answer: { standing, entries: page.entries, more }, values: page.values };
}

/** Whether the listing goes on after the page. */
async function fillPage(
  replica: ShardReplica,
  { prefix, after }: ListHeader,
  page: ListPage,
): Promise<boolean> {
  for (let last = after; ; ) {
    requireHealthy(replica);
    const rows = replica.context.store.list({ prefix, after: last, limit: listStretchRows });
    for (const entry of rows) {
      if (!isSound(entry)) throw foundRotten(replica, entry);
      if (!page.take(entry)) return true;
      last = entry.key;
    }
    if (rows.length < listStretchRows) return false;
    await replica.context.clock.turn();
  }
}

class ListPage {
  readonly entries: ListAnswer['entries'] = [];
  readonly values: Uint8Array[] = [];
  readonly #query: ListHeader;
  readonly #now: number;
  #bytes = 0;

  constructor(query: ListHeader, now: number) {
    this.#query = query;
    this.#now = now;
  }

  /** Whether there was room; what isn't visible, or the store's own, needs none. */
  take(entry: Entry): boolean {
    if (isReserved(entry.key) || !isVisible(entry, this.#now)) return true;
    if (this.entries.length >= this.#query.limit || this.#bytes > listBytesMax) return false;
    this.entries.push({ key: entry.key, ...headOf(entry) });
    if (this.#query.values) {
      this.#bytes += entry.value.length;
      this.values.push(entry.value);
    }
    return true;
  }
}

/** Rows for a peer that cuts its orphans off: confirmed ones only, tombstones too. */
export async function rowsOf(
  replica: ShardReplica,
  keys: readonly string[],
): Promise<{ rows: { row: Row; value: Uint8Array }[]; collectedSeq: number }> {
  const entries = keys.flatMap((key) => healthyEntry(replica, key) ?? []);
  const collectedSeq = replica.context.state.collected.seq;
  // What is not there may have been removed by a record, which has to be confirmed as well.
  const missing = entries.length < keys.length ? collectedSeq : 0;
  const newest = Math.max(missing, ...entries.map(({ seq }) => seq));
  await replica.leader?.confirmed(newest, confirmTimeoutMs);
  return { rows: entries.map((entry) => ({ row: rowOf(entry), value: entry.value })), collectedSeq };
}

export function rowOf({ key, epoch, seq, tombstone, contentType: type, expiresAt, value }: Entry): Row {
  return { key, version: { epoch, seq }, tombstone, type, expiresAt, bytes: value.length };
}
