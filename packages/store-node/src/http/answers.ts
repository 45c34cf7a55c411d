/**
 * What the node's routes answer (contracts/hop.ts), from the bytes that came to those that go: the routes add
 * HTTP, a simulation adds a network of its own. Throws `DriftlessError`, and what a schema throws.
 */
import {
  DriftlessError,
  decodeFrame,
  encodeFrame,
  eventOperationsMax,
  type HopRead,
  listHeaderSchema,
  PayloadReader,
  problemOf,
  readHeaderOf,
  type Standing,
  type WriteAnswer,
  writeHeaderOf,
} from '@driftless/contracts';
import { type TraceSpan, tellOutcome } from '@driftless/runtime';
import type { StoreNode } from '../node.ts';
import { listKeys, type ReadOutcome, readKey, requireHealthy, rowsOf, standingOf } from '../shard/reader.ts';
import type { ShardReplica } from '../shard/replica.ts';
import { writeAfterSessions } from '../shard/session-writes.ts';
import { codeOf, type TracedRequest } from '../shard/traces.ts';
import type { ShardStore } from '../store/port.ts';

const emptyValue = new Uint8Array(0);

export function answerWrite(node: StoreNode, frame: Uint8Array): Promise<WriteAnswer> {
  const { header, body } = decodeFrame(frame);
  const { shard, ack, timeoutMs, operations } = writeHeaderOf(header);
  const payloads = new PayloadReader(body);
  const requests = operations.map((operation): TracedRequest => {
    return { operation, value: operation.op === 'put' ? payloads.take(operation.bytes) : emptyValue };
  });
  payloads.finish();
  const replica = node.replica(shard);
  const trace = node.traces?.writes(requests, { shard, ack });
  const answering = writeAfterSessions(replica, requests, { ack, timeoutMs });
  return trace ? trace.until(answering) : answering;
}

export function answerRead(node: StoreNode, frame: Uint8Array): Uint8Array | Promise<Uint8Array> {
  const { reads } = readHeaderOf(decodeFrame(frame).header);
  const reading = reads.map((read) => outcomeOf(node, read));
  // Taken with what was read at once, before anything is waited for: positions must fit the values.
  const standings: Standing[] = [];
  for (const { shard } of reads) {
    const isNew = !standings.some((standing) => standing.shard === shard);
    if (isNew && node.has(shard)) standings.push(standingOf(node.replica(shard)));
  }
  if (reading.every(isAtOnce)) return readFrame(node, standings, reading);
  return Promise.all(reading).then((outcomes) => readFrame(node, standings, outcomes));
}

function isAtOnce(outcome: ReadOutcome | Promise<ReadOutcome>): outcome is ReadOutcome {
  return !(outcome instanceof Promise);
}

function readFrame(node: StoreNode, standings: Standing[], outcomes: readonly ReadOutcome[]): Uint8Array {
  const results = outcomes.map(({ result }) => result);
  const values = outcomes.flatMap(({ value }) => value ?? []);
  return encodeFrame({ node: node.id, standings, results }, values);
}

function outcomeOf(node: StoreNode, read: HopRead): ReadOutcome | Promise<ReadOutcome> {
  const span = node.traces?.read('read', read);
  return span === undefined ? bareOutcomeOf(node, read) : tracedOutcomeOf(node, read, span);
}

async function tracedOutcomeOf(node: StoreNode, read: HopRead, span: TraceSpan): Promise<ReadOutcome> {
  const outcome = await bareOutcomeOf(node, read, span);
  const { result } = outcome;
  if ('error' in result) tellOutcome(span, result.error);
  span.end();
  return outcome;
}

function bareOutcomeOf(node: StoreNode, read: HopRead, span?: TraceSpan): ReadOutcome | Promise<ReadOutcome> {
  try {
    const outcome = readKey(node.replica(read.shard), read.key, read, span);
    if (outcome instanceof Promise) {
      return outcome.then(
        (waited) => served(node, read, waited),
        (error: unknown) => refused(node, read, error),
      );
    }
    return served(node, read, outcome);
  } catch (error) {
    return refused(node, read, error);
  }
}

function served(node: StoreNode, { level }: HopRead, outcome: ReadOutcome): ReadOutcome {
  node.instruments.read(level, undefined);
  return outcome;
}

function refused(node: StoreNode, { level }: HopRead, error: unknown): ReadOutcome {
  if (!(error instanceof DriftlessError)) throw error;
  const { code, detail, lost, stalenessMs } = problemOf(error);
  node.instruments.read(level, code);
  const more = { ...(lost && { lost }), ...(stalenessMs !== undefined && { stalenessMs }) };
  return { result: { error: code, detail, ...more }, value: undefined };
}

export async function answerList(node: StoreNode, frame: Uint8Array): Promise<Uint8Array> {
  const query = listHeaderSchema.parse(decodeFrame(frame).header);
  const span = node.traces?.read('list', query);
  try {
    const { answer, values } = await listKeys(node.replica(query.shard), query, span);
    return encodeFrame({ node: node.id, ...answer }, values);
  } catch (error) {
    if (span) tellOutcome(span, codeOf(error));
    throw error;
  } finally {
    span?.end();
  }
}

export async function answerRows(replica: ShardReplica, keys: readonly string[]): Promise<Uint8Array> {
  const { rows, collectedSeq } = await rowsOf(replica, keys);
  const position = replica.context.state.applied;
  const header = { position, collectedSeq, rows: rows.map(({ row }) => row) };
  return encodeFrame(
    header,
    rows.map(({ value }) => value),
  );
}

export function answerLog(replica: ShardReplica, after: number, bytes: number): Uint8Array {
  const { store, state } = replica.context;
  const { applied, confirmedSeq } = state;
  const from = confirmedSeq > after ? batchEndBefore(store, after) : after;
  // What the stream has not confirmed may still be cut: nobody must build on it.
  const events = store
    .log(from, bytes)
    .filter(({ lastSeq }) => lastSeq <= confirmedSeq)
    .map(({ event }) => event);
  const range = store.logRange();
  const header = {
    applied,
    confirmedSeq,
    ...(range && { firstSeq: range.firstSeq }),
    epochs: store.epochs().filter(({ firstSeq }) => firstSeq <= confirmedSeq),
    counts: !replica.context.isBlank,
    events: events.map((event) => event.length),
  };
  return encodeFrame(header, events);
}

/** The last seq at or before `seq` that ends a batch: a watcher may have seen half of one. */
function batchEndBefore(store: ShardStore, seq: number): number {
  for (let first = seq + 1; first > seq + 1 - eventOperationsMax; first -= 1) {
    if (store.logAt(first)) return first - 1;
  }
  return seq;
}

/** Replicas whose copy is being made; a second one would be made of the same bytes for nothing. */
const copying = new WeakSet<ShardReplica>();

/** The file with a copy of a replica, made for a peer. */
export async function copyFor(replica: ShardReplica): Promise<string> {
  const { files, store } = replica.context;
  requireHealthy(replica);
  if (copying.has(replica)) {
    throw new DriftlessError('overloaded', 'A snapshot of this shard is being made.');
  }
  copying.add(replica);
  try {
    await files.copyOut(store);
    return files.outgoing;
  } finally {
    copying.delete(replica);
  }
}
