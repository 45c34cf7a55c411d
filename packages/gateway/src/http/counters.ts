/** Counters: `POST /v1/counters/{key}/increment`, and the seed's `POST /api/counter/increment`. */
import {
  DriftlessError,
  incrementBodySchema,
  type WriteOperation,
  type WriteResult,
} from '@driftless/contracts';
import type { HotRoute } from '@driftless/runtime';
import { keyOfTarget, pathOf, queryOfTarget } from '../core/target.ts';
import type { Store } from '../hop/store.ts';
import type { Api } from './api.ts';
import { refusalOfWrite } from './crowd.ts';
import { incrementDocs, seedIncrementDocs } from './docs/counters.ts';
import { parseDocument } from './document.ts';
import {
  type Answering,
  type Asking,
  ackOf,
  answerContentType,
  bytesOf,
  documentOf,
  tellWritten,
} from './exchange.ts';
import { applyHeaders, type Parts } from './keys.ts';
import { RefusedWrite } from './problem.ts';
import type { Sessions } from './sessions.ts';

const url = '/v1/counters/*';
const segments = 2;
const suffix = '/increment';
const bodyBytesMax = 4096;
const bodyDepthMax = 4;
const noBytes = new Uint8Array(0);
/** Key of the one counter that the counter seed has. */
const seedKey = 'counter';

export function serveCounters(api: Api, store: Store, sessions: Sessions): void {
  const parts = { store, sessions };
  api.route({
    method: 'POST',
    url,
    bodyLimit: bodyBytesMax,
    config: incrementDocs,
    handler: (request, reply) => incrementKey(parts, request, reply),
  });
  api.route({
    method: 'POST',
    url: '/api/counter/increment',
    bodyLimit: bodyBytesMax,
    config: seedIncrementDocs,
    handler: async (request, reply) => {
      const { value } = await increment(parts, request, reply, seedKey);
      return reply
        .header('content-type', answerContentType)
        .send(JSON.stringify({ value, [seedKey]: value }));
    },
  });
}

export function hotCounterRoutes(parts: Parts): HotRoute[] {
  const options = { method: 'POST' as const, url, bodyBytesMax };
  return [
    {
      ...options,
      refusal: (asking) => refusalOfWrite(parts, asking, keyIn),
      handler: (asking, reply) => incrementKey(parts, asking, reply),
    },
  ];
}

/** Throws `not-found`, `invalid-key`. */
function keyIn(target: string): string {
  if (pathOf(target).endsWith(suffix)) return keyOfTarget(target, segments, suffix);
  throw new DriftlessError('not-found', 'Counters have one thing to do: /v1/counters/{key}/increment.');
}

async function incrementKey(parts: Parts, request: Asking, reply: Answering): Promise<void> {
  const key = keyIn(request.url);
  const { value, version } = await increment(parts, request, reply, key);
  reply.type(answerContentType).send(JSON.stringify({ key, value, version }));
}

async function increment(
  { store, sessions }: Parts,
  request: Asking,
  reply: Answering,
  key: string,
): Promise<WriteResult> {
  const ack = ackOf(queryOfTarget(request.url, ['ack']).ack);
  const hasBody = bytesOf(request).length > 0;
  const { by } = parseDocument(incrementBodySchema, hasBody ? documentOf(request, bodyDepthMax) : {});
  const operation: WriteOperation = { op: 'increment', key, by };
  applyHeaders(operation, request, [by], noBytes);
  const session = sessions.of(request);
  const written = await store.write(ack, { operation, value: noBytes }, session, request.span);
  sessions.tell(reply, session);
  const result = written.results[0] ?? {};
  tellWritten(reply, written, result.version);
  if (result.error !== undefined) throw new RefusedWrite(result.error, result);
  return result;
}
