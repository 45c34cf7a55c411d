/** The leases in a JetStream KV bucket, one key a shard, changed only by compare-and-set. */
import { type Lease, leaseBucket, leaseKey, leaseSchema } from '@driftless/contracts';
import { type Clock, KvCells, type Seen } from '@driftless/runtime';
import type { NatsConnection } from '@nats-io/transport-node';
import type { LeaseStore, SeenRevision } from './port.ts';

export interface KvLeaseOptions {
  cluster: string;
  shardCount: number;
  streamReplicas: number;
  requestTimeoutMs: number;
  /** Pause before a broken watch is begun anew, milliseconds. */
  rewatchMs: number;
  clock: Clock;
  onWatchBroken(error: Error): void;
}

export class KvLeases implements LeaseStore {
  readonly #cells: KvCells<Lease>;
  readonly #options: KvLeaseOptions;

  private constructor(cells: KvCells<Lease>, options: KvLeaseOptions) {
    this.#cells = cells;
    this.#options = options;
  }

  static async open(connection: NatsConnection, options: KvLeaseOptions): Promise<KvLeases> {
    const { cluster, streamReplicas: replicas, requestTimeoutMs } = options;
    const bucket = leaseBucket(cluster);
    const kept = { bucket, replicas, schema: leaseSchema, requestTimeoutMs };
    return new KvLeases(await KvCells.open(connection, kept), options);
  }

  watch(onLease: (shard: number, seen: SeenRevision) => void): Promise<{ stop(): void }> {
    const { shardCount, rewatchMs, clock, onWatchBroken: onBroken } = this.#options;
    const shards = new Map(Array.from({ length: shardCount }, (_, shard) => [leaseKey(shard), shard]));
    const watch = this.#cells.watch({ keys: [...shards.keys()], rewatchMs, clock, onBroken }, (key, seen) =>
      onLease(shards.get(key) as number, leaseOf(seen)),
    );
    return Promise.resolve(watch);
  }

  async read(shard: number): Promise<SeenRevision> {
    return leaseOf(await this.#cells.read(leaseKey(shard)));
  }

  write(shard: number, lease: Lease, revision: number): Promise<number | undefined> {
    return this.#cells.write(leaseKey(shard), lease, revision);
  }
}

function leaseOf({ revision, value }: Seen<Lease>): SeenRevision {
  return { revision, lease: value };
}
