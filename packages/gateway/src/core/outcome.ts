/**
 * What a failed hop means for the operations in it. One question decides all: can anything have been done?
 *
 *     not-sent     no connection, or the circuit is open         nothing was done: goes again
 *     refused      the node said so before it did anything       nothing was done: goes again
 *     unanswered   it went out, no whole answer came back        reads go again; a write is in doubt
 *     faulty       the node called the request itself wrong      a defect of ours: not repeated
 */
import type { DriftlessErrorOptions, ErrorCode } from '@driftless/contracts';

export type HopFailureKind = 'not-sent' | 'refused' | 'unanswered' | 'faulty';

/** A hop to a node failed. `message` is for people, and safe to show. */
export class HopError extends Error {
  readonly kind: HopFailureKind;
  readonly code: ErrorCode;
  /** What the node's problem said besides. */
  readonly more: FailureDetails;
  constructor(
    kind: HopFailureKind,
    code: ErrorCode,
    message: string,
    { more = {}, ...options }: ErrorOptions & { more?: FailureDetails } = {},
  ) {
    super(message, options);
    this.name = 'HopError';
    this.kind = kind;
    this.code = code;
    this.more = more;
  }
}

/** Of `session-rolled-back` what was lost, of `too-stale` how stale. */
export type FailureDetails = Pick<DriftlessErrorOptions, 'lost' | 'stalenessMs'>;

/**
 * Codes by which a node says, of one operation or of all, that it did nothing and another time or node may.
 */
const refusals: ReadonlySet<ErrorCode> = new Set([
  'not-leader',
  'no-leader',
  'shutting-down',
  'replica-unavailable',
]);

export function isRefusal(code: ErrorCode): boolean {
  return refusals.has(code);
}

/** Whether a replica says that it is too far behind for this read: another one, or the leader, may not be. */
export function isTooFarBehind(code: ErrorCode): boolean {
  return code === 'too-stale' || code === 'session-behind';
}

/** Whether a node said so of itself alone, or said nothing: a read may be served by another. */
export function mayReadElsewhere(code: ErrorCode): boolean {
  return isRefusal(code) || isTooFarBehind(code) || code === 'upstream-timeout';
}

/** Whether a write in a failed hop goes again. In doubt, only one whose first answer the leader keeps. */
export function mayWriteAgain(kind: HopFailureKind, isIdempotent: boolean): boolean {
  switch (kind) {
    case 'not-sent':
    case 'refused':
      return true;
    case 'unanswered':
      return isIdempotent;
    case 'faulty':
      return false;
  }
}

/** The kind of failure that an answer with this HTTP status and problem code is. */
export function kindOfAnswer(status: number, code: ErrorCode): HopFailureKind {
  if (isRefusal(code) || isTooFarBehind(code) || code === 'overloaded') return 'refused';
  return status >= 500 ? 'unanswered' : 'faulty';
}
