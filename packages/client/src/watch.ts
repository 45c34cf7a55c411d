/**
 * Watching: one connection to a gateway after another, each taken up right behind the last event of the one
 * before. Every change is given once, whatever becomes of gateways and nodes on the way.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { watchedChangeSchema } from '@driftless/contracts';
import { ClientError, errorOfAnswer, errorOfTransport } from './error.ts';
import { EventStreamReader, type StreamEvent } from './event-stream.ts';
import { pauseMs, type Transport } from './transport.ts';
import type { WatchEvent, WatchOptions } from './types.ts';

/** Three signs of life of a gateway at its defaults. */
const silenceMsDefault = 45_000;
const reconnectForMsDefault = 300_000;

export async function* watch(transport: Transport, options: WatchOptions): AsyncGenerator<WatchEvent, void> {
  const { signal, onToken, reconnectForMs = reconnectForMsDefault } = options;
  let token = options.after;
  let failures = 0;
  let heardAt: number | undefined;
  while (!signal?.aborted) {
    let failure: unknown;
    try {
      for await (const event of connection(transport, options, token)) {
        failures = 0;
        heardAt = performance.now();
        if (event.id !== token && event.id !== '') {
          token = event.id;
          onToken?.(token);
        }
        if (event.type === 'error') throw errorOfAnswer(500, event.data, { retryAfter: undefined });
        if (event.type === 'put' || event.type === 'delete') yield changeOf(event, event.type);
      }
    } catch (error) {
      failure = error;
    }
    if (signal?.aborted) return;
    failures += 1;
    const error = failure ?? new ClientError('replica-unavailable', 'The gateway ended the watch.');
    if (!(error instanceof ClientError) || !goesOn(error)) throw error;
    const isLost = heardAt === undefined && failures > transport.retries;
    if (isLost || performance.now() - (heardAt ?? Number.POSITIVE_INFINITY) > reconnectForMs) throw error;
    transport.turnToNext();
    await sleep(pauseMs(error, failures), undefined, signal && { signal }).catch(() => undefined);
  }
}

/** What one connection brings, until it ends. Throws `ClientError`. */
async function* connection(
  transport: Transport,
  { prefix, signal, silenceMs = silenceMsDefault }: WatchOptions,
  token: string | undefined,
): AsyncGenerator<StreamEvent, void> {
  const path = `/v1/watch${prefix ? `?prefix=${encodeURIComponent(prefix)}` : ''}`;
  const headers = { accept: 'text/event-stream', ...(token !== undefined && { 'last-event-id': token }) };
  const { url, body } = await transport.open({ path, headers, signal, silenceMs });
  const reader = new EventStreamReader();
  const chunks = body[Symbol.asyncIterator]();
  // Leaving in the middle is no fault of the connection; what is one comes out of `chunks`.
  body.on('error', () => undefined);
  try {
    for (;;) {
      const { done, value } = await chunks.next().catch((cause: unknown) => {
        throw errorOfTransport(cause, url, false);
      });
      if (done) return;
      yield* reader.read(value as Uint8Array);
    }
  } finally {
    body.destroy();
  }
}

/** Whether another connection may do better. */
function goesOn({ retryable, code }: ClientError): boolean {
  return retryable || code === 'upstream-timeout';
}

function changeOf({ data, id }: StreamEvent, type: WatchEvent['type']): WatchEvent {
  const outcome = watchedChangeSchema.safeParse(JSON.parse(data));
  if (outcome.success) return { type, token: id, ...outcome.data };
  throw new ClientError('internal', 'An event is not what was asked for.', { cause: outcome.error });
}
