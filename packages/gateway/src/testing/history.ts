/** A shard's confirmed history made of random batches, for tests of watch. */
import { type Batch, encodeBatch, lastSeqOf, type Operation, zeroDigest } from '@driftless/contracts';
import fc from 'fast-check';
import type { LogPage } from '../core/watch/history.ts';

export interface BatchPlan {
  /** A new epoch begins with this batch. */
  newEpoch: boolean;
  ops: { key: string; isDelete: boolean }[];
}

export const plansOf = (maxLength: number): fc.Arbitrary<BatchPlan[]> =>
  fc.array(
    fc.record({
      newEpoch: fc.boolean(),
      ops: fc.array(fc.record({ key: fc.constantFrom('a/1', 'a/2', 'b/1'), isDelete: fc.boolean() }), {
        minLength: 1,
        maxLength: 5,
      }),
    }),
    { minLength: 1, maxLength },
  );

export function historyOf(plans: readonly BatchPlan[], shard = 0): Batch[] {
  const history: Batch[] = [];
  let epoch = 0;
  let firstSeq = 1;
  for (const { newEpoch, ops: planned } of plans) {
    const begins = newEpoch || epoch === 0;
    if (begins) epoch += 1;
    const ops = planned.map(({ key, isDelete }): Operation => {
      if (isDelete) return { op: 'delete', key };
      return { op: 'put', key, value: Buffer.from('{}'), contentType: 'application/json', expiresAt: null };
    });
    const all: Operation[] = begins ? [{ op: 'epoch-started', node: 'n' }, ...ops] : ops;
    const roots = { prevRoot: zeroDigest(), postRoot: zeroDigest() };
    history.push({ shard, epoch, firstSeq, ops: all, committedAt: 0, ...roots });
    firstSeq += all.length;
  }
  return history;
}

export function endOf(history: readonly Batch[]) {
  const last = history.at(-1);
  return last ? { epoch: last.epoch, seq: lastSeqOf(last) } : { epoch: 0, seq: 0 };
}

/** What a replica with this log answers; `from`: first batch that it still holds. */
export function pageOf(history: readonly Batch[], afterSeq: number, batchesMax: number, from = 0): LogPage {
  const epochs = history.flatMap(({ epoch, firstSeq, ops }) =>
    ops[0]?.op === 'epoch-started' ? [{ epoch, firstSeq }] : [],
  );
  const held = history.slice(from);
  const events = held.filter((batch) => lastSeqOf(batch) > afterSeq).slice(0, batchesMax);
  const end = endOf(history);
  const firstSeq = held[0]?.firstSeq;
  return {
    applied: end,
    confirmedSeq: end.seq,
    ...(firstSeq !== undefined && { firstSeq }),
    epochs,
    counts: true,
    events: events.map(encodeBatch),
  };
}
