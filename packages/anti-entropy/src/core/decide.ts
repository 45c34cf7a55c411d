/**
 * Who is right about a key (SPEC.md, "Whom to believe"): two replicas have different rows for it, and ours
 * asks what to do with its own. A pure, total function of what both rows are and whether each replica is
 * trusted in the key's bucket. Nobody is right for being leader, and a newer version only wins where it can
 * be one.
 *
 * First what tells nothing is set apart. A row written since the capture is the business of its own event;
 * one that is gone may have been taken away by an operation since; one that changed between two questions may
 * be in the middle of being healed. They wait.
 *
 * Then trust decides. A trusted replica's bucket has the root that the leader stamped, so it is right with
 * all of its rows, and also where it has none. Only where trust doesn't tell them apart, versions do.
 */
import { comparePositions, type DifferenceAction, type Position, type RowHead } from '@driftless/contracts';
import { isBrokenBy } from './mutants.ts';

export interface Decision {
  /** `stopped` is not decided here: it depends on what was healed before. */
  action: Exclude<DifferenceAction, 'stopped'>;
  reason: string;
}

/** A replica's side of a key. */
export interface Side {
  /** Its row as it is now; undefined when there is none. */
  row: RowHead | undefined;
  /** The listing had this row too, or had none as well. */
  asListed: boolean;
  /** The captured tree had no drift, and the bucket is sound. */
  trusted: boolean;
  /** Where the replica stands. */
  position: Position;
  /** Newest operation that took rows away from it. */
  collectedSeq: number;
}

export interface Agreed {
  /** Both were captured here. */
  throughSeq: number;
  /** Epochs of our log, and where each began. */
  epochs: readonly { epoch: number; firstSeq: number }[];
}

/** The two sides differ in the key; at most one of them has no row. */
export function decide(ours: Side, theirs: Side, agreed: Agreed): Decision {
  if (isRecent(ours, agreed) || isRecent(theirs, agreed)) {
    return { action: 'wait', reason: 'It was written since; its event is checked by itself.' };
  }
  if (isMaybeCollected(ours, agreed) || isMaybeCollected(theirs, agreed)) {
    return { action: 'wait', reason: 'Rows were collected since; this may be one of them.' };
  }
  if (!ours.asListed || !theirs.asListed) {
    return { action: 'wait', reason: 'It changed between two questions.' };
  }
  if (isBrokenBy('repair-lower-version') && ours.row && theirs.row && isNewer(ours.row, theirs.row)) {
    return { action: 'take', reason: 'Broken on purpose.' };
  }
  const trust = ours.trusted === theirs.trusted ? 'alike' : ours.trusted ? 'ours' : 'theirs';
  return byTrust[trust](standingOf(ours, agreed), standingOf(theirs, agreed), ours, theirs);
}

/** The version lies past the end of its epoch: a later leader's history went on without it. */
export function isOrphan(version: Position, epochs: Agreed['epochs']): boolean {
  return epochs.some(({ epoch, firstSeq }) => epoch > version.epoch && firstSeq <= version.seq);
}

/** No operation that a replica at `position` applied has this version. */
export function isAhead(version: Position, position: Position): boolean {
  return version.seq > position.seq || version.epoch > position.epoch;
}

/**
 * What a row can stand for. `none`: there is no row. `rotten`: its bytes don't have its digest. `orphan`, and
 * `ahead` of the replica that has it: no operation of the agreed history wrote it there.
 */
type Standing = 'none' | 'sound' | 'rotten' | 'orphan' | 'ahead';

function standingOf({ row, position }: Side, { epochs }: Agreed): Standing {
  if (row === undefined) return 'none';
  if (!row.sound) return 'rotten';
  if (isOrphan(row.version, epochs)) return 'orphan';
  return isAhead(row.version, position) ? 'ahead' : 'sound';
}

const isWhat: Record<Exclude<Standing, 'sound'>, string> = {
  none: 'is not there',
  rotten: 'does not have its digest',
  orphan: 'is an orphan: it lies past the end of its epoch',
  ahead: 'is newer than the replica that has it',
};

type Judge = (our: Standing, their: Standing, ours: Side, theirs: Side) => Decision;
const byTrust: Record<'ours' | 'theirs' | 'alike', Judge> = {
  ours: () => ({ action: 'keep', reason: 'Our bucket has the stamped root, the peer’s has not.' }),
  theirs: (_, their) => {
    if (their === 'none') {
      return { action: 'remove', reason: 'The peer’s bucket has the stamped root, and has no such row.' };
    }
    if (their === 'sound') return { action: 'take', reason: 'The peer’s bucket has the stamped root.' };
    return {
      action: 'undecided',
      reason: `The peer’s bucket has the stamped root, but its row ${isWhat[their]}.`,
    };
  },
  alike: (our, their, ours, theirs) => {
    if (our !== 'sound' && their !== 'sound') {
      const reason = `Neither row can win: ours ${isWhat[our]}, the peer’s ${isWhat[their]}.`;
      return { action: 'undecided', reason };
    }
    if (our !== 'sound') return { action: 'take', reason: `Our row ${isWhat[our]}.` };
    if (their !== 'sound') return { action: 'keep', reason: `The peer’s row ${isWhat[their]}.` };
    if (isNewer(theirs.row, ours.row)) return { action: 'take', reason: 'The peer’s version is higher.' };
    if (isNewer(ours.row, theirs.row)) return { action: 'keep', reason: 'Our version is higher.' };
    return {
      action: 'undecided',
      reason: 'The same version with other bytes, and nothing tells who is right.',
    };
  },
};

function isNewer(row: RowHead | undefined, than: RowHead | undefined): boolean {
  return row !== undefined && than !== undefined && comparePositions(row.version, than.version) > 0;
}

/** Written by an operation past the captured position that the replica has applied. */
function isRecent({ row, position }: Side, { throughSeq }: Agreed): boolean {
  return row !== undefined && row.version.seq > throughSeq && row.version.seq <= position.seq;
}

function isMaybeCollected({ row, collectedSeq }: Side, { throughSeq }: Agreed): boolean {
  return row === undefined && collectedSeq > throughSeq;
}
