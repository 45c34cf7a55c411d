/**
 * Going on from a position by the log of some replica. Replicas may be behind, may not have cut their
 * orphans off yet, and may not hold the log that far back; this says which it is, so that nothing is
 * missed, repeated or shown that the history doesn't have.
 */
import { type Batch, decodeBatch, type LogAnswer, lastSeqOf, type Position } from '@driftless/contracts';
import { assert } from '../assert.ts';

export interface LogPage extends Omit<LogAnswer, 'events'> {
  events: Uint8Array[];
}

export type Verdict =
  /** What follows the position, as far as the page goes. The first batch may have begun before it. */
  | { kind: 'follows'; batches: Batch[] }
  /** The replica has nothing after the position yet. */
  | { kind: 'nothing' }
  /** The replica is in an earlier history, part of which it will cut off. */
  | { kind: 'stale' }
  /** The replica's log doesn't reach back to the position. */
  | { kind: 'trimmed' }
  /** The history goes on from an earlier seq of the position's epoch: what was there has been rolled back. */
  | { kind: 'rolled-back' };

/** Throws when the page breaks the log's own rules: a gap, a broken seal, an epoch that shrinks. */
export function judgePage(from: Position, page: LogPage): Verdict {
  const next = page.epochs.find(({ epoch }) => epoch > from.epoch);
  if (next !== undefined && from.seq >= next.firstSeq) return { kind: 'rolled-back' };
  if (page.confirmedSeq < from.seq) return { kind: 'nothing' };
  if (epochAt(from.seq, page) !== from.epoch) return { kind: 'stale' };
  if (page.confirmedSeq === from.seq) return { kind: 'nothing' };
  if (page.firstSeq === undefined || page.firstSeq > from.seq + 1) return { kind: 'trimmed' };
  const batches = page.events.map(decodeBatch).filter((batch) => lastSeqOf(batch) > from.seq);
  let last = from;
  for (const batch of batches) {
    const isFirst = last === from;
    assert(isFirst ? batch.firstSeq <= last.seq + 1 : batch.firstSeq === last.seq + 1, 'a log has no gaps');
    assert(batch.epoch >= last.epoch, 'epochs only grow');
    last = { epoch: batch.epoch, seq: lastSeqOf(batch) };
    assert(last.seq <= page.confirmedSeq, 'only what is confirmed is shown');
    assert(batch.epoch === epochAt(last.seq, page), 'a batch is of the epoch that the log says');
  }
  assert(batches.length > 0, 'what is confirmed and not trimmed is in the log');
  return { kind: 'follows', batches };
}

/** Where the replica's confirmed log ends. */
export function confirmedEnd(page: LogPage): Position {
  return { epoch: epochAt(page.confirmedSeq, page), seq: page.confirmedSeq };
}

function epochAt(seq: number, { epochs }: LogPage): number {
  return epochs.findLast(({ firstSeq }) => firstSeq <= seq)?.epoch ?? 0;
}
