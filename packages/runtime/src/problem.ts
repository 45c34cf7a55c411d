/**
 * Errors on the wire: RFC 9457 problem details, by the one table of codes in `contracts`.
 *
 * A process's own errors go through `toProblem` as they are. What a request did wrong in HTTP itself (a
 * method that the path doesn't have, a body too large) is known only to the framework, the router or
 * Node's parser; this file translates their errors into the closed codes first, so that a caller sees one
 * kind of error, whoever raised it, and nothing of what runs underneath.
 */
import { DriftlessError, type ErrorCode, type problemOf } from '@driftless/contracts';
import type { FastifyError } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';

export type ToProblem = (error: unknown) => ReturnType<typeof problemOf>;

/** One member of a request that is not valid: `{ path: 'body/ttl', message: 'expected number' }`. */
export interface InvalidMember {
  readonly path: string;
  readonly message: string;
}

const INVALID_MEMBERS_MAX = 20;

/** An error of the framework about a request → a closed code. Any other error stays what it is. */
export function translateFrameworkError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const members = invalidMembersOf(error);
  const first = members[0];
  if (first !== undefined) return fault(codeOfPlace(first.path), `${first.path}: ${first.message}`);
  const { code, statusCode } = error as FastifyError;
  switch (code) {
    // Only keys bring escapes into our paths.
    case 'FST_ERR_BAD_URL':
      return fault('invalid-key', 'The path has a broken percent escape or is not UTF-8.');
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return fault('bad-request', 'A path segment is longer than this server reads.');
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return fault('value-too-large', 'The body is larger than this resource takes.');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return fault('unsupported-media-type', 'This resource does not take a body of that media type.');
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return fault('bad-request', 'The content type is JSON, but the body is empty.');
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return fault('bad-request', 'The body is not valid JSON.');
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return fault('bad-request', 'The body is not as long as its Content-Length.');
    default:
      // A JSON body with a `__proto__` is refused by a plain SyntaxError.
      return error instanceof SyntaxError && statusCode === 400
        ? fault('bad-request', 'The body is not valid JSON.')
        : error;
  }
}

/** An error of Node's HTTP parser → a closed code. */
export function translateParserError(code: string | undefined): DriftlessError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return fault('bad-request', 'The request did not arrive in time.');
  if (code === 'HPE_HEADER_OVERFLOW') return fault('bad-request', 'The URL and the headers exceed 16 KiB.');
  return fault('bad-request', 'The request line, the headers or the chunks cannot be parsed.');
}

/** What a schema refused; empty for an error that is not about a schema. */
export function invalidMembersOf(error: unknown): InvalidMember[] {
  if (!hasZodFastifySchemaValidationErrors(error)) return [];
  const place = (error as { validationContext?: string }).validationContext ?? 'request';
  return error.validation.slice(0, INVALID_MEMBERS_MAX).map(({ instancePath, message = 'not valid' }) => {
    return { path: place + instancePath, message };
  });
}

function codeOfPlace(path: string): ErrorCode {
  return path.startsWith('body') ? 'bad-request' : 'invalid-parameter';
}

function fault(code: ErrorCode, detail: string): DriftlessError {
  return new DriftlessError(code, detail);
}
