/**
 * How a command fails: one line that says what went wrong, its code when there is one, and a hint what to do.
 *
 *     driftless: cannot reach http://127.0.0.1:8080 (ECONNREFUSED)
 *       hint: start a cluster with "driftless up", or name another one with --url or DRIFTLESS_URL
 *
 * Exit codes: 0 done, 1 failed, 2 used wrongly. `verify` and `import` say more with theirs; see there.
 */
import { DriftlessError } from '@driftless/contracts';
import { paintFor, printable, type Terminal } from './terminal.ts';

export const exitFailed = 1;
export const exitUsage = 2;

/** A failure that a command foresees. `message` and `hint` are shown as they are. */
export class CommandError extends Error {
  readonly hint: string | undefined;
  readonly exitCode: number;
  constructor(message: string, options: ErrorOptions & { hint?: string; exitCode?: number } = {}) {
    super(message, options);
    this.name = 'CommandError';
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? exitFailed;
  }
}

/** Wrong use that only shows when the command runs: two options that exclude each other, say. */
export function usageError(message: string, hint?: string): CommandError {
  return new CommandError(message, { exitCode: exitUsage, ...(hint !== undefined && { hint }) });
}

export interface Failure {
  message: string;
  code?: string | undefined;
  hint?: string | undefined;
  exitCode: number;
}

const reachHint =
  'start a cluster with "driftless up", or name another one with --url or the variable DRIFTLESS_URL';
/** Codes of the system and of undici that mean: nobody is there, or not for long. */
const unreachableCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);

/** What any error is to the person at the terminal. */
export function failureOf(error: unknown, url?: string): Failure {
  if (error instanceof CommandError) {
    return { message: error.message, hint: error.hint, exitCode: error.exitCode };
  }
  const network = systemCodeOf(error);
  if (network !== undefined && isUnreachable(error)) {
    const message = `cannot reach ${url ?? 'the server'}`;
    return { message, code: network, hint: reachHint, exitCode: exitFailed };
  }
  if (error instanceof DriftlessError) {
    return { message: error.message, code: error.code, hint: error.hint, exitCode: exitFailed };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { message, code: network, exitCode: exitFailed };
}

/**
 * Nobody was there, so nothing was done. A request that was sent and not answered is something else: it has a
 * code of its own, whatever went wrong underneath.
 */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof DriftlessError && error.code !== 'replica-unavailable') return false;
  const code = systemCodeOf(error);
  return code !== undefined && unreachableCodes.has(code);
}

/** The `code` of an error or of what caused it, the deepest first: wrappers have codes of their own. */
function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  const deeper = systemCodeOf(inner);
  if (deeper !== undefined) return deeper;
  if (error instanceof DriftlessError || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export function printFailure(failure: Failure, { err, env }: Terminal): void {
  const paint = paintFor(err, env);
  const code = failure.code === undefined ? '' : ` (${failure.code})`;
  err.write(`${paint('red', 'driftless:')} ${printable(failure.message)}${code}\n`);
  if (failure.hint !== undefined) err.write(`  ${paint('dim', 'hint:')} ${printable(failure.hint)}\n`);
}
