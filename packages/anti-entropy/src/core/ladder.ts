/**
 * How far a replica has been taken since it was last proven equal (SPEC.md, L1–L7): the coordinator's memory
 * of one replica of one shard. Each rung costs more than the one before, and is tried when that one did not
 * help.
 *
 *     key        exchange the rows that differ
 *     bucket     exchange whole buckets
 *     snapshot   order a copy of another member's file, once; then look what came of it (`copying`)
 *     operator   a person is told. Rows are still healed, as far as that goes; nothing bigger is tried
 *
 * A replica comes down again when it is proven equal, or when what is left is the peer's. What could not be
 * compared says nothing and moves nobody. The state is in memory only: a coordinator that starts anew tries
 * the cheap ways first, again.
 */
import type { ExchangeAnswer, Rung } from '@driftless/contracts';

/** `copying`: still on the rung `snapshot`; the copy was ordered. */
type Phase = Rung | 'copying';

export interface Ladder {
  readonly phase: Phase;
  /** Why it stands there: a sentence for people, empty at the foot. */
  readonly reason: string;
  /** Exchanges in a row on this rung in which nothing could be healed. */
  readonly vain: number;
  /** Exchanges on this rung that healed something and did not end equal. */
  readonly healing: number;
  /** When copies were ordered lately, milliseconds. */
  readonly copies: readonly number[];
}

export const ladderFoot: Ladder = Object.freeze({
  phase: 'key',
  reason: '',
  vain: 0,
  healing: 0,
  copies: [],
});

export interface LadderLimits {
  /** Vain exchanges by key before buckets are tried. Rows may only have moved in the first. */
  vainMax: number;
  /** Exchanges on a rung that heal something, and never all. */
  healingMax: number;
  /** More keys than these are not healed one by one. */
  keysMax: number;
  copiesMax: number;
  copiesWindowMs: number;
}

export const ladderLimits: Omit<LadderLimits, 'keysMax'> = {
  vainMax: 2,
  healingMax: 10,
  copiesMax: 3,
  copiesWindowMs: 60 * 60 * 1000,
};

/** `now`: milliseconds on a clock that only goes forward. */
export type LadderEvent =
  /** It is the replica's turn in a round. */
  | { kind: 'turn'; now: number }
  /** An exchange of it, in mode `heal`, is over. */
  | { kind: 'exchanged'; now: number; answer: Pick<ExchangeAnswer, 'outcome' | 'reason' | 'counts' | 'left'> }
  /** The copy that was ordered was refused, or could not be taken. */
  | { kind: 'copy-failed'; now: number; reason: string }
  /** A person says: begin again. */
  | { kind: 'reset'; now: number };

type Exchanged = Extract<LadderEvent, { kind: 'exchanged' }>;

export type LadderEffect =
  | { kind: 'exchange'; rung: 'key' | 'bucket'; reason: string }
  | { kind: 'copy'; reason: string }
  /** It stands on another rung now; on `operator` that is an alarm. */
  | { kind: 'moved'; from: Rung; to: Rung; reason: string };

export interface LadderStep {
  state: Ladder;
  effects: LadderEffect[];
}

export function rungOf({ phase }: Ladder): Rung {
  return phase === 'copying' ? 'snapshot' : phase;
}

export function stepLadder(before: Ladder, event: LadderEvent, limits: LadderLimits): LadderStep {
  const copies = before.copies.filter((at) => event.now - at < limits.copiesWindowMs);
  const state = { ...before, copies };
  switch (event.kind) {
    case 'turn':
      return turns[state.phase](state, event.now);
    case 'exchanged': {
      const finding = findingOf(event.answer, limits);
      const next = onFinding[state.phase][finding](state, limits);
      return moved(before, next, [says[finding], event.answer.reason].filter(Boolean).join(' '));
    }
    case 'copy-failed': {
      const next = state.phase === 'copying' ? toCopy(state, limits) : state;
      return moved(before, next, `A copy could not be taken. ${event.reason}`);
    }
    case 'reset':
      return moved(before, ladderFoot, 'A person told it to begin again.');
  }
}

/** Keeps the reason while nothing moves; tells the move of a rung. */
function moved(before: Ladder, next: Ladder, reason: string): LadderStep {
  if (next.phase === before.phase) return { state: { ...next, reason: before.reason }, effects: [] };
  const [from, to] = [rungOf(before), rungOf(next)];
  const state = { ...next, reason: next.phase === 'key' ? '' : reason };
  return { state, effects: from === to ? [] : [{ kind: 'moved', from, to, reason }] };
}

/** What to do when it is the replica's turn: always one thing. */
const turns: Record<Phase, (state: Ladder, now: number) => LadderStep> = {
  key: (state) => exchanges(state, 'key'),
  bucket: (state) => exchanges(state, 'bucket'),
  snapshot: (state, now) => ({
    state: { ...state, phase: 'copying', copies: [...state.copies, now] },
    effects: [{ kind: 'copy', reason: state.reason }],
  }),
  copying: (state) => exchanges(state, 'key'),
  operator: (state) => exchanges(state, 'key'),
};

function exchanges(state: Ladder, rung: 'key' | 'bucket'): LadderStep {
  return { state, effects: [{ kind: 'exchange', rung, reason: state.reason || 'It is its turn.' }] };
}

/** What an exchange can say about ours, in words. */
const says = {
  equal: 'It was proven equal.',
  unknown: 'It could not be compared.',
  moving: 'It was written meanwhile.',
  peer: 'What is left is wrong at the peer.',
  progress: 'It was healed again and again, and never to the end.',
  vain: 'Nothing more could be healed.',
  large: 'Too much differs to be healed key by key.',
  undecided: 'Nothing tells who is right.',
  stopped: 'Rows were healed too often.',
} as const;
type Finding = keyof typeof says;

function findingOf(answer: Exchanged['answer'], { keysMax }: LadderLimits): Finding {
  const { outcome, counts, left } = answer;
  if (outcome === 'equal') return 'equal';
  if (outcome === 'not-comparable') return 'unknown';
  if (left.stopped > 0) return 'stopped';
  const isHealing = counts.healed + counts.leaves > 0;
  const isOurs = isHealing || left.repair + left.ourLeaves > 0;
  if (isOurs && counts.found > keysMax) return 'large';
  if (isHealing) return 'progress';
  const isPeers = left.keep + left.theirLeaves > 0;
  // Rows past the budget were not looked at; beside a peer that is wrong they are taken for its own.
  if (isOurs || (left.budget > 0 && !isPeers)) return 'vain';
  if (left.undecided > 0) return 'undecided';
  return isPeers ? 'peer' : 'moving';
}

type Move = (state: Ladder, limits: LadderLimits) => Ladder;
const stay: Move = (state) => state;
const toFoot: Move = ({ copies }) => ({ ...ladderFoot, copies });
const toBucket: Move = (state) => on('bucket', state);
const toOperator: Move = (state) => on('operator', state);
/** Not more often than copies are worth trying. */
const toCopy: Move = (state, { copiesMax }) =>
  on(state.copies.length < copiesMax ? 'snapshot' : 'operator', state);

function on(phase: Phase, { copies }: Ladder): Ladder {
  return { ...ladderFoot, phase, copies };
}

/** Goes there at the end of patience. */
function afterVain(move: Move): Move {
  return (state, limits) => {
    const vain = state.vain + 1;
    return vain < limits.vainMax ? { ...state, vain } : move(state, limits);
  };
}
function afterHealing(move: Move): Move {
  return (state, limits) => {
    const healing = state.healing + 1;
    return healing < limits.healingMax ? { ...state, healing, vain: 0 } : move(state, limits);
  };
}

const always = { equal: toFoot, unknown: stay, moving: stay, peer: toFoot } as const;
const onFinding: Record<Phase, Record<Finding, Move>> = {
  key: {
    ...always,
    progress: afterHealing(toBucket),
    vain: afterVain(toBucket),
    large: toCopy,
    undecided: afterVain(toOperator),
    stopped: toOperator,
  },
  bucket: {
    ...always,
    progress: afterHealing(toCopy),
    vain: toCopy,
    large: toCopy,
    undecided: toOperator,
    stopped: toOperator,
  },
  // A late answer: the copy is tried all the same.
  snapshot: { ...always, progress: stay, vain: stay, large: stay, undecided: stay, stopped: toOperator },
  copying: {
    ...always,
    progress: afterHealing(toCopy),
    vain: toCopy,
    large: toCopy,
    undecided: toOperator,
    stopped: toOperator,
  },
  operator: { ...always, progress: stay, vain: stay, large: stay, undecided: stay, stopped: stay },
};
