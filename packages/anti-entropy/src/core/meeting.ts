/**
 * Where two replicas meet: both capture their leaves at the first commit at or past the same seq, the aim. At
 * rest that is where ours stands, and one question to the peer. While writes flow one of them has passed the
 * aim before the question comes, so the next aim is further ahead, by twice what went by since the last one:
 * who passes that as well has gone by more, so aims go ahead ever faster. Where an aim was too far, the next
 * one is where they stand.
 *
 * A replica that lags holds nobody up: the capture that the other made is kept, and the one that lags is
 * asked for the same aim again.
 */
import { comparePositions, formatPosition, type Position } from '@driftless/contracts';
import type { Capture, Missed, OurReplica, Replica } from './ports.ts';

export interface MeetingLimits {
  captureAttemptsMax: number;
  /** How long a replica may wait for one aim, milliseconds. */
  captureWaitMs: number;
}

export type Meeting =
  | { met: true; ours: Capture; theirs: Capture }
  /** A sentence for people. */
  | { met: false; reason: string };

type Answer = Capture | Missed;

export async function meet(ours: OurReplica, peer: Replica, limits: MeetingLimits): Promise<Meeting> {
  let aim = ours.position().seq;
  let highest = aim;
  let kept: { ours?: Capture; theirs?: Capture } = {};
  let last: [Answer, Answer] | undefined;
  for (let attempt = 1; attempt <= limits.captureAttemptsMax; attempt += 1) {
    const answers: [Answer, Answer] = await Promise.all([
      kept.ours ?? ours.capture(aim, limits.captureWaitMs),
      kept.theirs ?? peer.capture(aim, limits.captureWaitMs),
    ]);
    const [mine, yours] = answers;
    last = answers;
    if (isCapture(mine) && isCapture(yours) && comparePositions(mine.position, yours.position) === 0) {
      return { met: true, ours: mine, theirs: yours };
    }
    if (answers.some((answer) => isMissed(answer, 'unavailable'))) break;
    kept = {};
    if (isCapture(mine) && isMissed(yours, 'not-reached')) kept.ours = mine;
    if (isCapture(yours) && isMissed(mine, 'not-reached')) kept.theirs = yours;
    if (kept.ours ?? kept.theirs) continue;

    const stands = Math.max(mine.position.seq, yours.position.seq);
    const passed = answers.some((answer) => isMissed(answer, 'passed'));
    aim = stands + (passed ? 2 * (stands - highest) : 0);
    highest = stands;
  }
  return { met: false, reason: last ? whyNot(last[0], last[1]) : 'No attempt was allowed.' };
}

function isCapture(answer: Answer): answer is Capture {
  return 'id' in answer;
}

function isMissed(answer: Answer, reason: Missed['reason']): boolean {
  return !isCapture(answer) && answer.reason === reason;
}

function whyNot(mine: Answer, yours: Answer): string {
  const at = (position: Position): string => formatPosition(position);
  for (const [who, answer] of [
    ['This replica', mine],
    ['The peer', yours],
  ] as const) {
    if (isMissed(answer, 'unavailable')) return `${who} can’t capture its leaves now.`;
  }
  if (isCapture(mine) && isCapture(yours)) {
    return `They were captured at ${at(mine.position)} and ${at(yours.position)}: not in one history.`;
  }
  return `They did not meet: this replica stands at ${at(mine.position)}, the peer at ${at(yours.position)}.`;
}
