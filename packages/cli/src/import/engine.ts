/**
 * The import itself: rows → batches → the cluster, several batches at a time, and nothing lost in between.
 *
 *     rows ──▶ map ──▶ batch (operations, bytes) ──▶ up to `concurrency` in flight ──▶ acknowledged
 *               │                                       │  429, 503, unreachable: all wait, then again
 *               └── can't be mapped ──▶ rejected ◀──────┘  refused for good (400, 413, …)
 *
 * A put with the same value may be sent twice, so whatever isn't known to have happened — a time-out, a lost
 * connection, "indeterminate" — is sent again until it is acknowledged or `patienceMs` is over. Memory holds
 * the batches in flight and nothing more, whatever the size of the source.
 */
import { batchOperationsMax, DriftlessError, isErrorCode } from '@driftless/contracts';
import { CommandError, isUnreachable } from '../output/failure.ts';
import type { Mapped, Mapper, PutOperation } from './mapping.ts';
import type { Progress } from './resume.ts';
import type { Row } from './rows.ts';

/**
 * Values of one batch together, in bytes: with base64 and keys still below the gateway's limit of a request.
 */
const batchBytesMax = 4 * 1024 * 1024;
/** Wait before sending again when the server doesn't say how long, in milliseconds. */
const retryWaitMs = 500;
const retryWaitMaxMs = 10_000;

/** What the cluster says to one operation. */
export interface SendResult {
  status: number;
  problem?: { code: string; detail: string; retryable: boolean } | undefined;
}

export interface ImportPorts {
  /** Sends a batch; one result an operation, in order. Throws when the batch as a whole was refused. */
  send(operations: PutOperation[]): Promise<SendResult[]>;
  /** Resolves after so many milliseconds. */
  wait(ms: number): Promise<void>;
  /** Monotonic, in milliseconds. */
  now(): number;
  /**
   * Called when the batch of the row is done, so that a row is told once even when the import is interrupted.
   */
  rejected(rejection: Rejection): void;
  /**
   * After each batch: the records of it are done and counted. `endByte`: how far in the source it reached.
   */
  advanced(progress: Progress, endByte: number): void;
  /** The cluster asked for a pause, or can't be reached. */
  waiting(reason: string, ms: number): void;
}

export interface ImportOptions {
  batchOperations: number;
  concurrency: number;
  /** How long one batch may be tried, in milliseconds. */
  patienceMs: number;
}

/** A row that is not in the cluster, and why. */
export interface Rejection {
  row: Row;
  reason: string;
}

interface Item {
  row: Row;
  operation: PutOperation;
}
interface WorkBatch {
  from: number;
  to: number;
  items: Item[];
  bytes: number;
  rejections: Rejection[];
  endByte: number;
}

/**
 * Runs to the end of the rows. Rejects when a batch can't be brought home; `progress` is then true and
 * complete.
 */
export async function importRows(
  rows: AsyncIterable<readonly Row[]>,
  map: Mapper,
  progress: Progress,
  options: ImportOptions,
  ports: ImportPorts,
): Promise<void> {
  const pause = new SharedPause(ports);
  const inFlight = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;

  const launch = async (batch: WorkBatch): Promise<void> => {
    while (inFlight.size >= options.concurrency) await Promise.race(inFlight);
    if (failure) return;
    const work: Promise<void> = deliver(batch, options, ports, pause)
      .then(() => {
        for (const rejection of batch.rejections) ports.rejected(rejection);
        progress.done.add(batch.from, batch.to);
        progress.rejected += batch.rejections.length;
        progress.acknowledged += batch.to - batch.from - batch.rejections.length;
        ports.advanced(progress, batch.endByte);
      })
      .catch((error: unknown) => {
        failure ??= { error };
        pause.end();
      })
      .finally(() => inFlight.delete(work));
    inFlight.add(work);
  };

  for await (const batch of batchesOf(rows, map, progress, options.batchOperations)) {
    await launch(batch);
    if (failure) break;
  }
  await Promise.all(inFlight);
  if (failure) throw failure.error;
}

/** Batches of consecutive records; one that was done before is not in any. */
async function* batchesOf(
  rows: AsyncIterable<readonly Row[]>,
  map: Mapper,
  { done }: Progress,
  operationsMax: number,
): AsyncGenerator<WorkBatch> {
  const limit = Math.min(operationsMax, batchOperationsMax);
  let record = 0;
  let batch = emptyBatch(0);
  for await (const some of rows) {
    for (const row of some) {
      const number = record;
      record += 1;
      if (done.has(number)) {
        if (batch.to > batch.from) yield batch;
        batch = emptyBatch(record);
        continue;
      }
      const mapped =
        row.record === undefined ? { problem: row.problem ?? 'unreadable' } : map(row.record, record);
      if (!('problem' in mapped) && batch.bytes + mapped.bytes > batchBytesMax && batch.items.length > 0) {
        yield batch;
        batch = emptyBatch(number);
      }
      add(batch, row, mapped);
      batch.to = record;
      if (batch.to - batch.from >= limit) {
        yield batch;
        batch = emptyBatch(record);
      }
    }
  }
  if (batch.to > batch.from) yield batch;
}

function add(batch: WorkBatch, row: Row, mapped: Mapped): void {
  batch.endByte = row.endByte;
  if ('problem' in mapped) {
    batch.rejections.push({ row, reason: mapped.problem });
  } else {
    batch.items.push({ row, operation: mapped.operation });
    batch.bytes += mapped.bytes;
  }
}

function emptyBatch(from: number): WorkBatch {
  return { from, to: from, items: [], bytes: 0, rejections: [], endByte: 0 };
}

/** Sends a batch until every operation is acknowledged, or refused for good and among its rejections. */
async function deliver(
  batch: WorkBatch,
  options: ImportOptions,
  ports: ImportPorts,
  pause: SharedPause,
): Promise<void> {
  const deadline = ports.now() + options.patienceMs;
  let open = batch.items;
  for (let attempt = 0; open.length > 0; attempt += 1) {
    await pause.over();
    const answer = await ask(open, ports);
    let reason = 'reason' in answer ? answer.reason : undefined;
    if ('results' in answer) {
      const again: Item[] = [];
      for (const [i, item] of open.entries()) {
        const problem = answer.results[i]?.problem;
        if (problem === undefined) continue;
        if (problem.retryable || isOpenEnded(problem.code)) {
          again.push(item);
          reason ??= `${problem.detail} (${problem.code})`;
        } else {
          batch.rejections.push({ row: item.row, reason: `${problem.detail} (${problem.code})` });
        }
      }
      open = again;
    }
    if (reason === undefined) continue;
    if (pause.ended || ports.now() >= deadline) throw stuck(batch, reason);
    const ms = ('waitMs' in answer ? answer.waitMs : undefined) ?? backOffMs(attempt);
    ports.waiting(reason, ms);
    pause.extend(Math.min(ms, Math.max(0, deadline - ports.now())));
  }
}

type Asked = { results: SendResult[] } | { reason: string; waitMs?: number | undefined };

/** One try. What can't get better by trying again is thrown. */
async function ask(items: readonly Item[], ports: ImportPorts): Promise<Asked> {
  try {
    const results = await ports.send(items.map(({ operation }) => operation));
    if (results.length !== items.length) {
      throw new CommandError(`the gateway answered ${results.length} of ${items.length} operations`);
    }
    return { results };
  } catch (error) {
    if (isUnreachable(error)) return { reason: 'the gateway cannot be reached' };
    if (!(error instanceof DriftlessError) || !(error.retryable || isOpenEnded(error.code))) throw error;
    const seconds = error.retryAfterSeconds;
    const waitMs = seconds === undefined ? undefined : seconds * 1000;
    return { reason: `${error.message} (${error.code})`, waitMs };
  }
}

/** It isn't known what became of the write; a put may simply be sent again. */
function isOpenEnded(code: string): boolean {
  return isErrorCode(code) && (code === 'indeterminate' || code === 'upstream-timeout');
}

function backOffMs(attempt: number): number {
  return Math.min(retryWaitMs * 2 ** attempt, retryWaitMaxMs);
}

function stuck({ items, from, to }: WorkBatch, reason: string): CommandError {
  const [first, last] = [items[0]?.row.line ?? from + 1, items.at(-1)?.row.line ?? to];
  return new CommandError(`the rows of lines ${first}–${last} were not acknowledged: ${reason}`, {
    hint: 'run the same command again; with --resume FILE it goes on where it stopped',
  });
}

/**
 * When the cluster asks one batch to wait, all wait: sending the others meanwhile would only add to its load.
 */
class SharedPause {
  readonly #ports: ImportPorts;
  #until = Number.NEGATIVE_INFINITY;
  /** Another batch has failed for good; nobody tries again. */
  ended = false;
  constructor(ports: ImportPorts) {
    this.#ports = ports;
  }
  extend(ms: number): void {
    this.#until = Math.max(this.#until, this.#ports.now() + ms);
  }
  end(): void {
    this.ended = true;
  }
  async over(): Promise<void> {
    for (let left = this.#left(); left > 0 && !this.ended; left = this.#left()) await this.#ports.wait(left);
  }
  #left(): number {
    return this.#until - this.#ports.now();
  }
}
