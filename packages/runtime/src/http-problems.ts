/**
 * The one place that writes problems: for the framework, for plain requests (http-plain.ts), and for what is
 * no request at all.
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { problemContentType } from '@driftless/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  invalidMembersOf,
  type ToProblem,
  translateFrameworkError,
  translateParserError,
} from './problem.ts';

/** Takes what went wrong with a request of ours. */
export interface FaultLog {
  error(fields: { err: unknown }, message: string): void;
}

export interface Problem {
  readonly status: number;
  /** Whole seconds. */
  readonly retryAfterSeconds: number | undefined;
  /** The document. */
  readonly text: string;
}

/** As Node has them. */
export type ConnectionFault = Error & { code?: string };

export class Problems {
  readonly #toProblem: ToProblem;

  constructor(toProblem: ToProblem) {
    this.#toProblem = toProblem;
  }

  /** The answer to a request, named `id`, that ended with `error`. `log` is asked for when it is a defect. */
  of(error: unknown, id: string, log: () => FaultLog): Problem {
    const problem = this.#toProblem(translateFrameworkError(error));
    // 503 and 504 are answers that a loaded cluster gives by design; a 500 is a defect, and is logged.
    if (problem.status === 500) log().error({ err: error }, 'request failed');
    const { status, retryAfterSeconds: seconds } = problem;
    const errors = invalidMembersOf(error);
    const text = JSON.stringify({ ...problem, instance: id, ...(errors.length > 0 && { errors }) });
    return { status, retryAfterSeconds: seconds === undefined ? undefined : Math.ceil(seconds), text };
  }

  send(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const { status, retryAfterSeconds, text } = this.of(error, request.id, () => request.log);
    if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
    // As text it passes by the route's response schema, which describes its successes.
    reply
      .code(status)
      .type(problemContentType)
      .serializer((body: unknown) => body as string)
      .send(text);
  }

  /** Ends a connection that brought no request. */
  sendRaw(error: ConnectionFault, socket: Socket): void {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const problem = this.#toProblem(translateParserError(error.code));
    const body = JSON.stringify(problem);
    const head = [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
      `Content-Type: ${problemContentType}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  }
}
