/** `GET /v1/watch?prefix=&after=`: committed changes as they come, as Server-Sent Events. */
import { DriftlessError, keyBytesMax } from '@driftless/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { queryOfTarget } from '../core/target.ts';
import type { Store } from '../hop/store.ts';
import type { WatchHub } from '../watch/hub.ts';
import type { Api } from './api.ts';
import { watchDocs } from './docs/watch.ts';

const parameters = ['prefix', 'after'] as const;

export function serveWatch(api: Api, store: Store, hub: WatchHub): void {
  api.addHook('preClose', (done) => {
    hub.drain();
    done();
  });
  api.addHook('onClose', () => hub.close());
  api.route({
    method: 'GET',
    url: '/v1/watch',
    // A stream without its body has nothing to say.
    exposeHeadRoute: false,
    config: watchDocs,
    handler: (request, reply) => watch(store, hub, request, reply),
  });
}

async function watch(
  store: Store,
  hub: WatchHub,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { prefix = '', after } = queryOfTarget(request.url, parameters);
  if (Buffer.byteLength(prefix) > keyBytesMax) {
    throw new DriftlessError('invalid-parameter', `"prefix" has at most ${keyBytesMax} bytes.`);
  }
  const watcher = await hub.open(store.cluster, { prefix, after: resumeToken(request) ?? after });
  reply.raw.once('close', () => watcher.end('closed'));
  if (reply.raw.destroyed) watcher.cut('closed');
  return (
    reply
      .header('content-type', 'text/event-stream; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('x-accel-buffering', 'no')
      // Nothing comes after a watch, and a gateway that shuts down must not wait for it.
      .header('connection', 'close')
      .send(watcher.stream)
  );
}

/**
 * A browser that reconnects sends the header with the URL that it began with, so the header is the newer
 * one.
 */
function resumeToken({ headers }: FastifyRequest): string | undefined {
  const id = headers['last-event-id'];
  return typeof id === 'string' && id !== '' ? id : undefined;
}
