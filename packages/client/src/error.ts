/** Errors of the client: the closed codes of the protocol, whether a gateway said so or nobody answered. */
import {
  DriftlessError,
  type DriftlessErrorOptions,
  type ErrorCode,
  isErrorCode,
  lostPositionSchema,
} from '@driftless/contracts';
import type { Answer } from './types.ts';

export class ClientError extends DriftlessError {
  /** The key's version, when the problem told it: of an unconfirmed write, or what a condition met. */
  readonly version: string | undefined;
  /** Whether it is safe to send the same request again, as far as this error alone can tell. */
  readonly nothingDone: boolean;
  /** Who answered so and how far behind, as far as the answer said: "no value" is news of a replica, too. */
  readonly standing: Answer;
  constructor(
    code: ErrorCode,
    message: string,
    options: DriftlessErrorOptions & {
      version?: string | undefined;
      nothingDone?: boolean;
      standing?: Answer;
    } = {},
  ) {
    super(code, message, options);
    this.name = 'ClientError';
    this.version = options.version;
    this.nothingDone = options.nothingDone ?? this.retryable;
    this.standing = options.standing ?? {};
  }
}

interface ProblemDocument {
  code?: unknown;
  detail?: unknown;
  hint?: unknown;
  version?: unknown;
  lost?: unknown;
  stalenessMs?: unknown;
}

/** What the headers of an answer say: `retryAfter` is the text, `version` the `ETag` without quotes. */
interface ToldByHeaders {
  retryAfter: string | undefined;
  version?: string | undefined;
  standing?: Answer;
}

/** The error that an answer is. */
export function errorOfAnswer(
  status: number,
  body: string,
  { retryAfter, version, standing = {} }: ToldByHeaders,
): ClientError {
  const problem = problemIn(body);
  const code = typeof problem.code === 'string' && isErrorCode(problem.code) ? problem.code : codeOf(status);
  const seconds = retryAfter === undefined ? Number.NaN : Number(retryAfter);
  return new ClientError(code, textOf(problem.detail) ?? `The answer was ${status}.`, {
    hint: textOf(problem.hint),
    version: textOf(problem.version) ?? version,
    standing,
    lost: lostPositionSchema.safeParse(problem.lost).data,
    stalenessMs: typeof problem.stalenessMs === 'number' ? problem.stalenessMs : undefined,
    ...(seconds >= 0 && { retryAfterSeconds: seconds }),
  });
}

/** The error that a request without an answer is. */
export function errorOfTransport(cause: unknown, url: string, isWrite: boolean): ClientError {
  if (isConnectError(cause)) {
    return new ClientError('replica-unavailable', `${url} takes no connections.`, {
      cause,
      nothingDone: true,
    });
  }
  const code = isWrite ? 'indeterminate' : 'upstream-timeout';
  const outcome = isWrite ? ' The write may or may not have been done.' : '';
  return new ClientError(code, `${url} did not answer.${outcome}`, { cause, nothingDone: !isWrite });
}

function isConnectError(error: unknown): boolean {
  const { code, syscall } = (error ?? {}) as { code?: unknown; syscall?: unknown };
  if (syscall === 'connect' || syscall === 'getaddrinfo') return true;
  return code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ECONNREFUSED';
}

function problemIn(body: string): ProblemDocument {
  try {
    return (JSON.parse(body) ?? {}) as ProblemDocument;
  } catch {
    return {};
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** For an answer without a problem detail: from a proxy in between, or to HEAD. */
function codeOf(status: number): ErrorCode {
  switch (status) {
    case 404:
      return 'key-not-found';
    case 412:
      return 'precondition-failed';
    case 413:
      return 'value-too-large';
    case 429:
      return 'overloaded';
    case 502:
    case 503:
      return 'replica-unavailable';
    case 504:
      return 'upstream-timeout';
    default:
      return status >= 500 ? 'internal' : 'bad-request';
  }
}
