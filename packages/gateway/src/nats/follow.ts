/**
 * What the gateway hears over NATS: the cluster record, the leases, the nodes' statuses. All of it is news
 * for the routing table, and none of it is asked for on the path of a request. What a watch misses while NATS
 * is away the statuses tell, twice a second.
 */
import {
  type ClusterRecord,
  clusterBucket,
  clusterKey,
  clusterRecordSchema,
  leaseBucket,
  leaseSchema,
} from '@driftless/contracts';
import { bucketEntries, type Following, followStatuses, jsonOf } from '@driftless/runtime';
import type { RoutingTable } from '../hop/routing-table.ts';

export interface FollowOptions extends Following {
  cluster: string;
  table: RoutingTable;
  /** The record is not what the operator says it should be; throws when it isn't. */
  checkRecord(record: ClusterRecord): void;
}

/** How often silence is looked for, milliseconds. */
const tickMs = 250;

/** Follows until `signal` aborts; returns at once. */
export function follow(options: FollowOptions): void {
  const { link, cluster, table, signal } = options;
  followStatuses(options, cluster, (status) => table.hear({ type: 'status-heard', status }));
  void followRecord(options);
  void followLeases(options);
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

/** Rejects with what `checkRecord` throws: that ends the process. */
async function followRecord(options: FollowOptions): Promise<void> {
  const { cluster: name, table, checkRecord, logger } = options;
  for await (const entry of bucketEntries(options, clusterBucket(name))) {
    if (entry.key !== clusterKey || entry.operation !== 'PUT') continue;
    const record = clusterRecordSchema.safeParse(jsonOf(entry.string()));
    if (record.success) {
      checkRecord(record.data);
      table.hear({ type: 'cluster-known', cluster: record.data });
    } else logger.error({ err: record.error }, 'the cluster record cannot be read');
  }
}

async function followLeases(options: FollowOptions): Promise<void> {
  for await (const entry of bucketEntries(options, leaseBucket(options.cluster))) {
    const shard = /^shard\.(\d+)$/.exec(entry.key)?.[1];
    if (shard === undefined || entry.operation !== 'PUT') continue;
    const lease = leaseSchema.safeParse(jsonOf(entry.string()));
    if (lease.success) options.table.hear({ type: 'lease-seen', shard: Number(shard), lease: lease.data });
  }
}

/** The cluster isn't the one that this gateway was configured for. It ends the process. */
export class RecordMismatch extends Error {
  override readonly name = 'RecordMismatch';
}
