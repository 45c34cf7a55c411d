/** What the gateway says when it can't do what was asked: results and faults → problem details. */
import { DriftlessError, type ErrorCode, problemOf, type WriteResult } from '@driftless/contracts';

/** A write that was refused or not confirmed, with the key's version if a node told it. */
export class RefusedWrite extends DriftlessError {
  readonly version: string | undefined;
  constructor(code: ErrorCode, result: WriteResult) {
    super(code, result.detail || 'The node gave no details.');
    this.name = 'RefusedWrite';
    this.version = result.version;
  }
}

type ProblemDocument = ReturnType<typeof problemOf>;

export function gatewayProblem(error: unknown): ProblemDocument {
  if (isUndecodablePath(error)) {
    return problemOf(
      new DriftlessError('invalid-key', 'The path has a broken percent escape or is not UTF-8.'),
    );
  }
  const problem = problemOf(error);
  return error instanceof RefusedWrite && error.version !== undefined
    ? { ...problem, version: error.version }
    : problem;
}

/**
 * The router gives up on such a path before any route of ours sees it, and the runtime, which knows of no
 * keys, calls it a bad request. Only keys bring escapes into our paths.
 */
function isUndecodablePath(error: unknown): boolean {
  return (
    error instanceof DriftlessError && error.code === 'bad-request' && /percent sequence/.test(error.message)
  );
}
