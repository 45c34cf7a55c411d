/**
 * What the gateway hears over NATS: the cluster record, the leases, the nodes' statuses. All of it is news
 * for the routing table, and none of it is asked for on the path of a request.
 *
 * A watch of a bucket lives as long as its stream. A bucket that isn't there yet, a stream that is deleted or
 * made anew, a server that restarts: each ends the watch, sooner or later, so it is begun again for as long
 * as we run. Whatever it misses in between the statuses tell, twice a second.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ClusterRecord,
  clusterBucket,
  clusterKey,
  clusterRecordSchema,
  leaseBucket,
  leaseSchema,
  nodeStatusSchema,
  statusSubject,
} from '@driftless/contracts';
import type { Logger, NatsLink } from '@driftless/runtime';
import { Kvm, type KvWatchEntry } from '@nats-io/kv';
import type { RoutingTable } from '../hop/routing-table.ts';

export interface FollowOptions {
  link: NatsLink;
  cluster: string;
  table: RoutingTable;
  logger: Logger;
  /** Ends it all. */
  signal: AbortSignal;
  /** The record is not what the operator says it should be; throws when it isn't. */
  checkRecord(record: ClusterRecord): void;
}

/** Pause before a watch that ended is begun again, milliseconds. */
const rewatchMs = 500;
/** How often silence is looked for, milliseconds. */
const tickMs = 250;

/** Follows until `signal` aborts; returns at once. */
export function follow(options: FollowOptions): void {
  const { link, cluster, table, signal } = options;
  followStatuses(options);
  void watchBucket(options, clusterBucket(cluster), (entry) => onRecord(options, entry));
  void watchBucket(options, leaseBucket(cluster), (entry) => onLease(options, entry));
  const tick = setInterval(() => table.hear({ type: 'ticked' }), tickMs).unref();
  const unlisten = link.onStatus((status) => {
    if (status.type === 'disconnected') table.hear({ type: 'nats-lost' });
    if (status.type === 'connected') table.hear({ type: 'nats-back' });
  });
  signal.addEventListener('abort', () => {
    clearInterval(tick);
    unlisten();
  });
}

/** A message that isn't a status is another version's, or nobody's: it is told of once, and is no news. */
function followStatuses({ link, cluster, table, logger }: FollowOptions): void {
  let told = false;
  link.nc.subscribe(statusSubject(cluster, '*'), {
    callback: (error, message) => {
      if (error) return;
      const parsed = nodeStatusSchema.safeParse(jsonOf(message.string()));
      if (parsed.success) table.hear({ type: 'status-heard', status: parsed.data });
      else if (!told) {
        told = true;
        logger.warn({ subject: message.subject, err: parsed.error }, 'a status message cannot be read');
      }
    },
  });
}

function onRecord({ table, checkRecord }: FollowOptions, entry: KvWatchEntry): void {
  if (entry.key !== clusterKey || entry.operation !== 'PUT') return;
  const cluster = clusterRecordSchema.parse(jsonOf(entry.string()));
  checkRecord(cluster);
  table.hear({ type: 'cluster-known', cluster });
}

function onLease({ table }: FollowOptions, entry: KvWatchEntry): void {
  const shard = /^shard\.(\d+)$/.exec(entry.key)?.[1];
  if (shard === undefined || entry.operation !== 'PUT') return;
  const lease = leaseSchema.safeParse(jsonOf(entry.string()));
  if (lease.success) table.hear({ type: 'lease-seen', shard: Number(shard), lease: lease.data });
}

async function watchBucket(
  { link, logger, signal }: FollowOptions,
  bucket: string,
  onEntry: (entry: KvWatchEntry) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const kv = await new Kvm(link.nc).open(bucket);
      const watch = await kv.watch();
      const unlisten = link.onStatus((status) => {
        // What was missed while away may not be told to a watch that outlived it: begin again from the state.
        if (status.type === 'connected') watch.stop();
      });
      const stop = (): void => watch.stop();
      signal.addEventListener('abort', stop);
      try {
        for await (const entry of watch) onEntry(entry);
      } finally {
        unlisten();
        signal.removeEventListener('abort', stop);
      }
    } catch (error) {
      if (error instanceof RecordMismatch) throw error;
      // Ordinary while the bucket isn't made yet or NATS is away; worth a look when it stays.
      logger.debug({ bucket, err: error }, 'the watch of a bucket ended, it begins again');
    }
    if (!signal.aborted) await sleep(rewatchMs, undefined, { signal }).catch(() => undefined);
  }
}

/** The cluster isn't the one that this gateway was configured for. It ends the process. */
export class RecordMismatch extends Error {
  override readonly name = 'RecordMismatch';
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
