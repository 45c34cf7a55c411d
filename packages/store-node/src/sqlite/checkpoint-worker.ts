/** The other side of checkpoint-thread.ts: takes one file after the other, and reports each. */
import { getPriority, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { begin, type CheckpointOrder, type CheckpointReport, end } from './checkpoint-order.ts';

/** In the second there is only what was written during the first. */
const passes = 2;
/**
 * Clients wait for the threads that serve and write, and for a checkpoint nobody: it gets a tenth of their
 * share of a core that both want. The WAL may outgrow itself meanwhile (wal.ts).
 */
const nicer = 10;
const nicenessMax = 19;
// Elsewhere it would be the whole process. Only a privileged one may become less nice than it is.
if (process.platform === 'linux') setPriority(0, Math.min(nicenessMax, getPriority(0) + nicer));

function checkpoint(file: string): void {
  const database = new Database(file, { fileMustExist: true });
  try {
    for (let pass = 0; pass < passes; pass += 1) database.pragma('wal_checkpoint(PASSIVE)');
  } finally {
    database.close();
  }
}

function errorOf(order: CheckpointOrder): Error | undefined {
  if (!begin(order)) return undefined;
  try {
    checkpoint(order.file);
    return undefined;
  } catch (error) {
    return error as Error;
  } finally {
    end(order);
  }
}

parentPort?.on('message', (order: CheckpointOrder) => {
  const error = errorOf(order);
  const report: CheckpointReport = error ? { id: order.id, error } : { id: order.id };
  parentPort?.postMessage(report);
});
