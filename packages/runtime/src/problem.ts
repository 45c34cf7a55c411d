/**
 * Errors on the wire: RFC 9457 problem details.
 *
 * Two sorts of error reach a server's edge. What a request did wrong in HTTP itself (a body too large, a
 * method that the path doesn't have) is known by the framework; this file gives it a name, a `RequestFault`
 * of a closed set of kinds. Everything else is the process's own, and its `toProblem` turns it into a
 * problem by the one table of error codes. Neither way lets a stack, a path or a query through: a problem
 * holds only what was put in it by name.
 */
import type { FastifyError } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';

export interface Problem {
  /** HTTP status. */
  readonly status: number;
  /** Of the closed list of error codes. */
  readonly code: string;
  readonly title: string;
  readonly detail?: string | undefined;
  /** What the caller can do about it. */
  readonly hint?: string | undefined;
  /** Becomes the header `Retry-After` too. */
  readonly retryAfterSeconds?: number | undefined;
  /** More members of the problem document. */
  readonly [extension: string]: unknown;
}

export type ToProblem = (error: unknown) => Problem;

export type RequestFaultKind =
  | 'invalid_request'
  | 'malformed_body'
  | 'malformed_url'
  | 'malformed_http'
  | 'route_not_found'
  | 'method_not_allowed'
  | 'request_timeout'
  | 'body_too_large'
  | 'url_too_long'
  | 'headers_too_large'
  | 'unsupported_media_type';

/** What a request did wrong in HTTP itself. `kind` serves as problem code, too. */
export class RequestFault extends Error {
  override readonly name = 'RequestFault';
  readonly kind: RequestFaultKind;
  readonly status: number;
  /** For `invalid_request`: which members, and why. */
  readonly errors: readonly { readonly path: string; readonly message: string }[] | undefined;

  constructor(kind: RequestFaultKind, detail: string, errors?: RequestFault['errors']) {
    super(detail);
    this.kind = kind;
    this.status = FAULTS[kind].status;
    this.errors = errors;
  }
}

const FAULTS: Record<RequestFaultKind, { readonly status: number; readonly title: string }> = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  malformed_body: { status: 400, title: 'The body cannot be read' },
  malformed_url: { status: 400, title: 'The URL cannot be decoded' },
  malformed_http: { status: 400, title: 'This is not HTTP that can be read' },
  route_not_found: { status: 404, title: 'No such resource' },
  method_not_allowed: { status: 405, title: 'The resource does not have this method' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  body_too_large: { status: 413, title: 'The body is too large' },
  url_too_long: { status: 414, title: 'A part of the URL is too long' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  unsupported_media_type: { status: 415, title: 'The media type is not supported' },
};

const VALIDATION_ERRORS_MAX = 20;

/** How a fault is told, unless the process has its own way. */
export function problemOfFault(fault: RequestFault): Problem {
  const { status, title } = FAULTS[fault.kind];
  const errors = fault.errors === undefined ? {} : { errors: fault.errors };
  return { status, code: fault.kind, title, detail: fault.message, ...errors };
}

/** How an unknown error is told: that it happened, and nothing about it. */
export function defaultProblem(_error: unknown): Problem {
  return {
    status: 500,
    code: 'internal',
    title: 'Something went wrong inside',
    detail: 'The log of this process has the details, under the request id given as instance.',
  };
}

/** The fault behind an error of the framework; undefined for an error that is not the request's. */
export function faultOf(error: unknown): RequestFault | undefined {
  if (error instanceof RequestFault) return error;
  if (!(error instanceof Error)) return undefined;
  if (hasZodFastifySchemaValidationErrors(error)) return validationFault(error);
  const { code, statusCode } = error as FastifyError;
  switch (code) {
    case 'FST_ERR_BAD_URL':
      return new RequestFault('malformed_url', 'The path holds a percent sequence that is not UTF-8.');
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new RequestFault('url_too_long', 'A path segment is longer than this server reads.');
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new RequestFault('body_too_large', 'The body is larger than this server takes.');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new RequestFault('unsupported_media_type', 'Send a body of a media type that is documented.');
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new RequestFault('malformed_body', 'The content type is JSON, but the body is empty.');
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new RequestFault('malformed_body', 'The body is not as long as its Content-Length.');
    default:
      return statusCode === 400 && isBodyError(error)
        ? new RequestFault('malformed_body', 'The body is not valid JSON.')
        : undefined;
  }
}

function isBodyError(error: Error): boolean {
  return error instanceof SyntaxError || (error as FastifyError).code === 'FST_ERR_CTP_INVALID_JSON_BODY';
}

function validationFault(error: Error & { validation?: unknown }): RequestFault {
  const place = (error as FastifyError).validationContext ?? 'request';
  const issues = (error.validation ?? []) as { instancePath?: string; message?: string }[];
  const errors = issues
    .slice(0, VALIDATION_ERRORS_MAX)
    .map(({ instancePath = '', message = 'not valid' }) => {
      return { path: place + instancePath, message };
    });
  const first = errors[0];
  return new RequestFault(
    'invalid_request',
    first ? `${first.path}: ${first.message}` : 'Not valid.',
    errors,
  );
}
