/**
 * Where a position that a session has seen lies, to a replica (SPEC.md, N1–N3). The order of positions alone
 * doesn't tell: epoch 2 may have begun before the last seq of epoch 1 that a client saw, and then what the
 * client saw is not in the history. The places where epochs began say so.
 */
import { type EpochStart, type Position, positionZero } from '@driftless/contracts';
import { isBrokenBy } from './mutants.ts';

export type Place =
  /** In the history, and applied here. */
  | { kind: 'applied' }
  /** Not applied here yet, as far as this replica can know. */
  | { kind: 'ahead' }
  /** Rolled back: the history went another way. Up to `agreed` it has what the session saw. */
  | { kind: 'lost'; agreed: Position };

const applied: Place = { kind: 'applied' };
const ahead: Place = { kind: 'ahead' };

/** `epochs`: the beginnings that this replica knows, in order; asked for only when they decide. */
export function placeOf(seen: Position, at: Position, epochs: () => readonly EpochStart[]): Place {
  if (seen.seq === 0 || isBrokenBy('read-session-early')) return applied;
  if (seen.epoch > at.epoch) return ahead;
  if (seen.epoch === at.epoch) return seen.seq <= at.seq ? applied : ahead;
  const starts = epochs();
  const own = startAt(starts, seen.seq);
  if (own?.epoch === seen.epoch) return applied;
  const next = starts.find(({ epoch }) => epoch > seen.epoch);
  const lastSeq = Math.min(seen.seq, (next?.firstSeq ?? at.seq + 1) - 1);
  const epoch = startAt(starts, lastSeq)?.epoch;
  return { kind: 'lost', agreed: epoch === undefined ? positionZero : { epoch, seq: lastSeq } };
}

/** The epoch that a seq of the history is in. */
function startAt(starts: readonly EpochStart[], seq: number): EpochStart | undefined {
  return starts.findLast(({ firstSeq }) => firstSeq <= seq);
}
