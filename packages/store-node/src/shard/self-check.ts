/**
 * What tells a replica that something is wrong with it although it looks at no row: the position, the log
 * and the roots are kept apart, and must fit.
 */
import { decodeBatch, EnvelopeError, equalDigest, xorDigest } from '@driftless/contracts';
import { changeOf, type LogRow } from '../core/change.ts';
import type { ShardContext } from './context.ts';

/**
 * Position and log move in one transaction. A position that is behind the end of the log went back by
 * itself; it is put to where the log ends, and the roots say whether the rows are those of that position.
 * Without this the next batch would be one that the log has already.
 */
export function checkPosition(context: ShardContext): void {
  const { store, state } = context;
  if (store.logEndSeq() <= state.applied.seq) return;
  const end = store.logEnd() as LogRow;
  const postRoot = stampedRoot(end);
  if (postRoot === undefined) {
    context.halt('The end of the log, which the position is behind, is damaged.');
    return;
  }
  const { applied } = state;
  const set = store.sets().findLast(({ seq }) => seq <= end.lastSeq) ?? state.set;
  const at = { epoch: end.epoch, seq: end.lastSeq };
  const drift = xorDigest(state.root, postRoot);
  context.commit(changeOf({ state: { ...state, applied: at, set, drift } }));
  const reason = `The position was ${applied.seq}, and the log goes on to ${end.lastSeq}.`;
  context.noteDrift({ at, reason }, { by: 'self-check' });
}

/** The root must differ from the one that the leader stamped last by the drift that is known. */
export function checkStamp(context: ShardContext): void {
  const { store, state } = context;
  const end = store.logEnd();
  const stamped = end && end.lastSeq === state.applied.seq ? stampedRoot(end) : undefined;
  if (stamped === undefined) return;
  const drift = xorDigest(state.root, stamped);
  if (equalDigest(drift, state.drift)) return;
  context.commit(changeOf({ state: { ...state, drift } }));
  const reason = 'The root is not the one that the last event was stamped with.';
  context.noteDrift({ at: state.applied, reason }, { by: 'self-check' });
}

/**
 * The leaves must have the root; where they don't, only an audit of all buckets tells which leaf it is.
 * `sinceMs`: they were checked before so long ago.
 */
export function checkLeaves(context: ShardContext, sinceMs: number): void {
  const { store, state, soundness } = context;
  if (soundness.isEverythingSuspect || soundness.suspectCount > 0) return;
  if (equalDigest(store.leavesRoot(), state.root)) return;
  const isNews = !state.suspect;
  soundness.suspectEverything();
  if (!isNews) return;
  const reason = 'The leaves of the tree do not have the root of the replica.';
  context.noteDrift({ at: state.applied, reason }, { by: 'self-check', afterMs: sinceMs });
}

function stampedRoot({ event }: LogRow): Uint8Array | undefined {
  try {
    return decodeBatch(event).postRoot;
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    return undefined;
  }
}
