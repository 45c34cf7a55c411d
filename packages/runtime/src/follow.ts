/**
 * What processes hear over NATS without asking: the statuses that nodes tell, and what stands in a bucket.
 *
 * A watch of a bucket lives as long as its stream. A bucket that isn't there yet, a stream that is deleted or
 * made anew, a server that restarts: each ends the watch, sooner or later, so it is begun again for as long
 * as we run. Whatever it misses in between has to be told by other means, or asked for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type NodeStatus, nodeStatusSchema, statusSubject } from '@driftless/contracts';
import { Kvm, type KvWatchEntry } from '@nats-io/kv';
import { jsonOf } from './json.ts';
import type { Logger } from './log.ts';
import type { NatsLink } from './nats.ts';

export interface Following {
  link: NatsLink;
  logger: Logger;
  /** Ends it. */
  signal: AbortSignal;
}

/** Pause before a watch that ended is begun again, milliseconds. */
const rewatchMs = 500;

/**
 * A message that isn't a status is another version's, or nobody's: it is told of once, and is no news.
 */
export function followStatuses(
  { link, logger, signal }: Following,
  cluster: string,
  onStatus: (status: NodeStatus) => void,
): void {
  let told = false;
  const subscription = link.nc.subscribe(statusSubject(cluster, '*'), {
    callback: (error, message) => {
      if (error) return;
      const parsed = nodeStatusSchema.safeParse(jsonOf(message.string()));
      if (parsed.success) onStatus(parsed.data);
      else if (!told) {
        told = true;
        logger.warn({ subject: message.subject, err: parsed.error }, 'a status message cannot be read');
      }
    },
  });
  signal.addEventListener('abort', () => subscription.unsubscribe());
}

/** Every entry of a bucket as it is, and every change; ends with the signal. */
export async function* bucketEntries(
  { link, logger, signal }: Following,
  bucket: string,
): AsyncGenerator<KvWatchEntry, void, undefined> {
  while (!signal.aborted) {
    try {
      yield* watchOnce(link, signal, bucket);
    } catch (error) {
      // Ordinary while the bucket isn't made yet or NATS is away; worth a look when it stays.
      logger.debug({ bucket, err: error }, 'the watch of a bucket ended, it begins again');
    }
    if (!signal.aborted) await sleep(rewatchMs, undefined, { signal }).catch(() => undefined);
  }
}

async function* watchOnce(
  link: NatsLink,
  signal: AbortSignal,
  bucket: string,
): AsyncGenerator<KvWatchEntry, void, undefined> {
  const kv = await new Kvm(link.nc).open(bucket);
  const watch = await kv.watch();
  const stop = (): void => watch.stop();
  const unlisten = link.onStatus((status) => {
    // What was missed while away may not be told to a watch that outlived it: begin again from the state.
    if (status.type === 'connected') stop();
  });
  signal.addEventListener('abort', stop);
  try {
    yield* watch;
  } finally {
    unlisten();
    signal.removeEventListener('abort', stop);
  }
}
