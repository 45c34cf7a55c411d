/**
 * What the process has to do with the cluster: it needs its record and the bucket of the round leases before
 * it can begin, and tells gateways where it is.
 */
import {
  antiEntropySubject,
  type ClusterRecord,
  clusterBucket,
  clusterKey,
  clusterRecordSchema,
  type RoundLease,
  roundBucket,
  roundLeaseSchema,
  type Whereabouts,
} from '@driftless/contracts';
import {
  bucketEntries,
  type Cells,
  type Following,
  jsonOf,
  KvCells,
  type NatsLink,
  systemClock,
} from '@driftless/runtime';
import type { AntiEntropyConfig } from './config.ts';

/** Pause before JetStream is asked again, milliseconds. */
const retryMs = 500;

/** The record that the first store node wrote; waits for it. Rejects with the reason of the signal. */
export async function clusterRecord(following: Following, cluster: string): Promise<ClusterRecord> {
  for await (const entry of bucketEntries(following, clusterBucket(cluster))) {
    if (entry.key === clusterKey && entry.operation === 'PUT') {
      return clusterRecordSchema.parse(jsonOf(entry.string()));
    }
  }
  throw following.signal.reason;
}

/** The bucket of the round leases, once JetStream answers. Rejects with the reason of the signal. */
export async function roundCells(
  { link, logger, signal }: Following,
  { cluster, streamReplicas: replicas, roundLeaseTtlMs }: AntiEntropyConfig,
): Promise<Cells<RoundLease>> {
  const requestTimeoutMs = Math.ceil(roundLeaseTtlMs / 3);
  const options = { bucket: roundBucket(cluster), replicas, schema: roundLeaseSchema, requestTimeoutMs };
  for (;;) {
    signal.throwIfAborted();
    try {
      return await KvCells.open(link.nc, options);
    } catch (error) {
      logger.warn({ err: error }, 'the bucket of the round leases cannot be opened, trying on');
      await systemClock.sleep(retryMs);
    }
  }
}

/** Gateways ask where this process is; of several, one answers. */
export function answerWhere({ nc }: NatsLink, cluster: string, whereabouts: Whereabouts): void {
  nc.subscribe(antiEntropySubject(cluster), {
    queue: 'anti-entropy',
    callback: (error, message) => {
      if (!error) message.respond(JSON.stringify(whereabouts));
    },
  });
}
