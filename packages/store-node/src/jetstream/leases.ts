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

  readonly #makeBucket: () => Promise<KV>;

  private constructor(kv: KV, makeBucket: () => Promise<KV>, options: KvLeaseOptions) {
    this.#kv = kv;
    this.#makeBucket = makeBucket;
    this.#options = options;
  }

  static async open(connection: NatsConnection, options: KvLeaseOptions): Promise<KvLeases> {
    const { cluster, streamReplicas } = options;
    const makeBucket = (): Promise<KV> =>
      new Kvm(connection).create(leaseBucket(cluster), { history: 1, replicas: streamReplicas });
    return new KvLeases(await makeBucket(), makeBucket, options);
  }

  /** What went wrong, as the port says it; makes the bucket again in case that JetStream lost it. */
  async #unanswered(cause: unknown): Promise<Unanswered> {
    await this.#makeBucket().catch(() => undefined);
    return new Unanswered(cause instanceof Error ? cause.message : String(cause), { cause });
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
      throw await this.#unanswered(cause);
    }
  }

  async write(shard: number, lease: Lease, revision: number): Promise<number | undefined> {
    try {
      const { requestTimeoutMs: timeout } = this.#options;
      // `update` refuses revision 0, which here means "must not be there".
      return await this.#kv.put(leaseKey(shard), JSON.stringify(lease), { previousSeq: revision, timeout });
    } catch (cause) {
      if (cause instanceof JetStreamApiError && wrongLastSequence.includes(cause.code)) return undefined;
      throw await this.#unanswered(cause);
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
