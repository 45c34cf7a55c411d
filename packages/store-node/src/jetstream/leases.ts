/** The leases in a JetStream KV bucket, one key a shard, changed only by compare-and-set. */
import { type Lease, leaseBucket, leaseKey, leaseSchema } from '@driftless/contracts';
import { JetStreamApiError } from '@nats-io/jetstream';
import { type KV, type KvEntry, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { type LeaseStore, type SeenRevision, Unanswered } from './port.ts';

const wrongLastSequence = [10071, 10164];

export interface KvLeaseOptions {
  cluster: string;
  shardCount: number;
  streamReplicas: number;
  requestTimeoutMs: number;
  /** Pause before a broken watch is begun anew, milliseconds. */
  rewatchMs: number;
  onWatchBroken(error: Error): void;
}

export class KvLeases implements LeaseStore {
  readonly #kv: KV;
  readonly #options: KvLeaseOptions;

  private constructor(kv: KV, options: KvLeaseOptions) {
    this.#kv = kv;
    this.#options = options;
  }

  static async open(connection: NatsConnection, options: KvLeaseOptions): Promise<KvLeases> {
    const { cluster, streamReplicas } = options;
    const kv = await new Kvm(connection).create(leaseBucket(cluster), {
      history: 1,
      replicas: streamReplicas,
    });
    return new KvLeases(kv, options);
  }

  async watch(onLease: (shard: number, seen: SeenRevision) => void): Promise<{ stop(): void }> {
    let stopped = false;
    let stop = (): void => {};
    const run = async (): Promise<void> => {
      for (let shard = 0; shard < this.#options.shardCount; shard += 1)
        onLease(shard, await this.read(shard));
      const watch = await this.#kv.watch();
      stop = () => watch.stop();
      for await (const entry of watch) {
        const shard = shardOfKey(entry.key);
        if (shard !== undefined) onLease(shard, seen(entry));
      }
      if (!stopped) throw new Unanswered('The watch of the leases ended.');
    };
    const runForever = async (): Promise<void> => {
      while (!stopped) {
        await run().catch((error: Error) => this.#options.onWatchBroken(error));
        if (!stopped) await new Promise((resolve) => setTimeout(resolve, this.#options.rewatchMs));
      }
    };
    void runForever();
    return {
      stop: () => {
        stopped = true;
        stop();
      },
    };
  }

  async read(shard: number): Promise<SeenRevision> {
    try {
      const entry = await this.#kv.get(leaseKey(shard));
      return entry ? seen(entry) : { revision: 0, lease: null };
    } catch (cause) {
      throw unanswered(cause);
    }
  }

  async write(shard: number, lease: Lease, revision: number): Promise<number | undefined> {
    try {
      const { requestTimeoutMs: timeout } = this.#options;
      // `update` refuses revision 0, which here means "must not be there".
      return await this.#kv.put(leaseKey(shard), JSON.stringify(lease), { previousSeq: revision, timeout });
    } catch (cause) {
      if (cause instanceof JetStreamApiError && wrongLastSequence.includes(cause.code)) return undefined;
      throw unanswered(cause);
    }
  }
}

function seen(entry: KvEntry): SeenRevision {
  const lease = entry.operation === 'PUT' ? leaseSchema.parse(JSON.parse(entry.string())) : null;
  return { revision: entry.revision, lease };
}

function shardOfKey(key: string): number | undefined {
  const match = /^shard\.(\d+)$/.exec(key);
  return match ? Number(match[1]) : undefined;
}

function unanswered(cause: unknown): Unanswered {
  return new Unanswered(cause instanceof Error ? cause.message : String(cause), { cause });
}
