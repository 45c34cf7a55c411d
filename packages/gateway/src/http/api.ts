/** The room of the public routes: bodies come in as bytes, and only as many as fit. */
import { DriftlessError } from '@driftless/contracts';
import type { HttpServer } from '@driftless/runtime';
import type { FastifyRequest } from 'fastify';
import type { Admission } from '../core/admission.ts';

export type Api = HttpServer;

/**
 * Bodies are never parsed by the framework: values are stored as they come, and documents are parsed by their
 * routes, so that no member of a body (`__proto__`, say) is ever merged into anything.
 */
export function takeBodiesAsBytes(api: Api): void {
  api.removeAllContentTypeParsers();
  api.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
}

/** Made once: a refusal must cost little, and its stack tells nothing. */
export const tooManyRequests = new DriftlessError(
  'overloaded',
  'The gateway serves as many requests as it may at a time.',
);

/** Lets in what `admission` has room for; what it hasn't is told 429 before its body is read. */
export function limitInFlight(api: Api, admission: Admission, onShed: () => void): void {
  api.addHook('onRequest', (request, reply, done) => {
    const bytes = bodyBytesOf(request);
    if (!admission.enter(bytes)) {
      onShed();
      done(tooManyRequests);
      return;
    }
    reply.raw.once('close', () => admission.leave(bytes));
    done();
  });
}

/**
 * The framework would close the connection under a client that is still sending a body it refused; the client
 * then sees a reset, and not the answer. So what still comes is read and thrown away, for as long as a
 * request may take to arrive.
 */
export function hearRefusedBodiesOut(api: Api): void {
  api.addHook('onError', (request, reply, _error, done) => {
    if (reply.getHeader('connection') === 'close') {
      reply.removeHeader('connection');
      request.raw.resume();
    }
    done();
  });
}

/** What a body may take: what it says, or as much as its route allows when it doesn't say. */
function bodyBytesOf(request: FastifyRequest): number {
  const { headers, routeOptions } = request;
  const said = headers['content-length'];
  if (said !== undefined) return Math.min(Number(said), routeOptions.bodyLimit ?? 0);
  return headers['transfer-encoding'] === undefined ? 0 : (routeOptions.bodyLimit ?? 0);
}
