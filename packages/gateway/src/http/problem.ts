/** What the gateway says when it can't do what was asked: results and faults → problem details. */
import { DriftlessError, type ErrorCode, problemOf, type WriteResult } from '@driftless/contracts';

/** A write that was refused or not confirmed, with the key's version if a node told it. */
export class RefusedWrite extends DriftlessError {
  readonly version: string | undefined;
  constructor(code: ErrorCode, result: WriteResult) {
    super(code, result.detail || 'The node gave no details.', { lost: result.lost });
    this.name = 'RefusedWrite';
    this.version = result.version;
  }
}

type ProblemDocument = ReturnType<typeof problemOf>;

export function gatewayProblem(error: unknown): ProblemDocument {
  const problem = problemOf(error);
  return error instanceof RefusedWrite && error.version !== undefined
    ? { ...problem, version: error.version }
    : problem;
}
