/**
 * The closed list of error codes: one table says, for each, the HTTP status, the title that people read and
 * whether the same request may be sent again. Everything that leaves a process as an error is one of these,
 * as an RFC 9457 problem detail; no stack, path or SQL goes with it.
 */
import { z } from 'zod';
import { positionSchema } from './position.ts';

interface ErrorKind {
  status: number;
  title: string;
  /** The same request may be sent again and can succeed; nothing was done by this one. */
  retryable: boolean;
}

const kinds = {
  'bad-request': { status: 400, title: 'The request is not well formed', retryable: false },
  'invalid-key': { status: 400, title: 'The key is not valid', retryable: false },
  'invalid-value': { status: 400, title: 'The value is not valid', retryable: false },
  'invalid-parameter': { status: 400, title: 'A parameter or header is not valid', retryable: false },
  'invalid-session': { status: 400, title: 'The session token is not one of this cluster', retryable: false },
  'invalid-cursor': { status: 400, title: 'The cursor is not one that this listing gave', retryable: false },
  forbidden: { status: 403, title: 'This is switched off', retryable: false },
  'not-found': { status: 404, title: 'There is no such resource', retryable: false },
  'key-not-found': { status: 404, title: 'There is no value under this key', retryable: false },
  'method-not-allowed': { status: 405, title: 'The resource does not take this method', retryable: false },
  'not-a-counter': { status: 409, title: 'The value under this key is not an integer', retryable: false },
  'members-conflict': {
    status: 409,
    title: 'The members of the cluster do not allow this change',
    retryable: false,
  },
  'is-leader': {
    status: 409,
    title: 'This node leads the shard, and a leader does not change what it holds',
    retryable: true,
  },
  'counter-overflow': { status: 409, title: 'The counter would leave the exact integers', retryable: false },
  'watch-expired': {
    status: 410,
    title: 'The history that the watch should go on from is not there any more',
    retryable: false,
  },
  'precondition-failed': {
    status: 412,
    title: 'The value is not at the version asked for',
    retryable: false,
  },
  'session-rolled-back': {
    status: 412,
    title: 'What the session had seen was rolled back in a failover',
    retryable: false,
  },
  'value-too-large': { status: 413, title: 'The body is larger than the limit', retryable: false },
  'unsupported-media-type': { status: 415, title: 'The media type is not supported', retryable: false },
  'idempotency-key-reused': {
    status: 422,
    title: 'The Idempotency-Key was used for another request',
    retryable: false,
  },
  overloaded: { status: 429, title: 'Too many requests are waiting', retryable: true },
  'watch-too-slow': {
    status: 429,
    title: 'The watcher takes changes more slowly than they come',
    retryable: true,
  },
  internal: { status: 500, title: 'The server met a fault of its own', retryable: false },
  'not-leader': { status: 503, title: 'This node does not lead the shard', retryable: true },
  'no-leader': { status: 503, title: 'The shard has no leader at the moment', retryable: true },
  'replica-unavailable': { status: 503, title: 'No replica can serve this at the moment', retryable: true },
  unavailable: {
    status: 503,
    title: 'A process that this needs is not there at the moment',
    retryable: true,
  },
  'too-stale': { status: 503, title: 'No replica is within the staleness bound', retryable: true },
  'shutting-down': { status: 503, title: 'The process is shutting down', retryable: true },
  indeterminate: {
    status: 504,
    title: 'The write is stored but was not confirmed in time; it may or may not last',
    retryable: false,
  },
  'session-behind': {
    status: 504,
    title: 'No replica has applied in time what the session has seen',
    retryable: true,
  },
  'upstream-timeout': { status: 504, title: 'A node did not answer in time', retryable: false },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof kinds;
export const errorCodes = Object.keys(kinds) as [ErrorCode, ...ErrorCode[]];

/** The fixed part of an error code. */
export function errorKind(code: ErrorCode): ErrorKind {
  return kinds[code];
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(kinds, text);
}

/** A position that a session had seen and that isn't in the agreed history. */
export const lostPositionSchema = z.object({
  shard: z.number().int().min(0),
  position: positionSchema,
  /** Up to here, what the session had seen is in the history. */
  agreed: positionSchema,
});
export type LostPosition = z.infer<typeof lostPositionSchema>;

export interface DriftlessErrorOptions extends ErrorOptions {
  /** What the caller can change. */
  hint?: string | undefined;
  /** Seconds after which to try again. */
  retryAfterSeconds?: number | undefined;
  /** `session-rolled-back`: what was lost. */
  lost?: LostPosition | undefined;
  /** `too-stale`: how stale the best replica is, milliseconds. */
  stalenessMs?: number | undefined;
}

/** A fault with a closed code. `message` is shown to callers: keep paths, SQL and secrets out of it. */
export class DriftlessError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly lost: LostPosition | undefined;
  readonly stalenessMs: number | undefined;
  constructor(code: ErrorCode, message: string, options: DriftlessErrorOptions = {}) {
    super(message, options);
    this.name = 'DriftlessError';
    this.code = code;
    this.hint = options.hint;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.lost = options.lost;
    this.stalenessMs = options.stalenessMs;
  }
  get status(): number {
    return kinds[this.code].status;
  }
  get retryable(): boolean {
    return kinds[this.code].retryable;
  }
}

export const problemContentType = 'application/problem+json';

/** RFC 9457 problem details. `type` is `urn:driftless:error:<code>`. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.enum(errorCodes),
  detail: z.string(),
  hint: z.string().optional(),
  retryable: z.boolean(),
  /** The key's version: of the write that is not confirmed, or the one that a condition met. */
  version: z.string().optional(),
  /** `session-rolled-back`: the position that was lost. */
  lost: lostPositionSchema.optional(),
  /** `too-stale`: how stale the best replica is, milliseconds; absent when none knows. */
  stalenessMs: z.number().optional(),
});
export type Problem = z.infer<typeof problemSchema>;

/**
 * The problem that an error is to a caller. Anything unknown is `internal`, and says nothing of its inside.
 */
export function problemOf(error: unknown): Problem & { retryAfterSeconds?: number | undefined } {
  const known =
    error instanceof DriftlessError ? error : new DriftlessError('internal', 'See the log of the process.');
  const { code, message: detail, hint, retryAfterSeconds, lost, stalenessMs } = known;
  const { status, title, retryable } = kinds[code];
  const problem = { type: `urn:driftless:error:${code}`, title, status, code, detail, retryable };
  const wait = retryAfterSeconds ?? (retryable ? 1 : undefined);
  return {
    ...problem,
    ...(hint && { hint }),
    ...(lost && { lost }),
    ...(stalenessMs !== undefined && { stalenessMs }),
    ...(wait !== undefined && { retryAfterSeconds: wait }),
  };
}
