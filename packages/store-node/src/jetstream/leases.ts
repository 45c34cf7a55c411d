/** The leases in a JetStream KV bucket, one key a shard, changed only by compare-and-set. */
import { type Lease, leaseBucket, leaseKey, leaseSchema } from '@driftless/contracts';
import type { Clock } from '@driftless/runtime';
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
  clock: Clock;
  onWatchBroken(error: Error): void;
}

export class KvLeases implements LeaseStore {
  readonly #kv: KV;
  readonly #options: KvLeaseOptions;

  readonly #makeBucket: () => Promise<KV>;
  readonly #watches = new Set<Watch>();

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

  watch(onLease: (shard: number, seen: SeenRevision) => void): Promise<{ stop(): void }> {
    const watch = new Watch(this.#kv, this.#options, (shard) => this.#read(shard), onLease);
    this.#watches.add(watch);
    const stop = (): void => {
      this.#watches.delete(watch);
      watch.stop();
    };
    return Promise.resolve({ stop });
  }

  async read(shard: number): Promise<SeenRevision> {
    const seen = await this.#read(shard);
    for (const watch of this.#watches) watch.compare(shard, seen);
    return seen;
  }

  async #read(shard: number): Promise<SeenRevision> {
    try {
      const entry = await this.#kv.get(leaseKey(shard));
      return entry ? seenOf(entry) : { revision: 0, lease: null };
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

/**
 * A watch that goes on for ever. The client's own comes back after a broken link, but not after the bucket
 * was deleted, and then says nothing: that shows when somebody reads what the watch has not told, and
 * begins it anew.
 */
class Watch {
  readonly #kv: KV;
  readonly #options: KvLeaseOptions;
  readonly #read: (shard: number) => Promise<SeenRevision>;
  readonly #onLease: (shard: number, seen: SeenRevision) => void;
  /** What was last told, by shard; revisions alone may be equal, for a new bucket begins at 1 again. */
  readonly #told = new Map<number, string>();
  #stopped = false;
  #entries: { stop(): void } | undefined;

  constructor(
    kv: KV,
    options: KvLeaseOptions,
    read: (shard: number) => Promise<SeenRevision>,
    onLease: (shard: number, seen: SeenRevision) => void,
  ) {
    this.#kv = kv;
    this.#options = options;
    this.#read = read;
    this.#onLease = onLease;
    void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    this.#entries?.stop();
  }

  compare(shard: number, seen: SeenRevision): void {
    if (this.#told.get(shard) !== JSON.stringify(seen)) this.#entries?.stop();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#runOnce().catch((error: Error) => this.#options.onWatchBroken(error));
      this.#entries = undefined;
      if (!this.#stopped) await this.#options.clock.sleep(this.#options.rewatchMs);
    }
  }

  async #runOnce(): Promise<void> {
    for (let shard = 0; shard < this.#options.shardCount; shard += 1) {
      this.#tell(shard, await this.#read(shard));
    }
    const entries = await this.#kv.watch();
    this.#entries = entries;
    if (this.#stopped) entries.stop();
    for await (const entry of entries) {
      const shard = shardOfKey(entry.key);
      if (shard !== undefined) this.#tell(shard, seenOf(entry));
    }
    if (!this.#stopped) throw new Unanswered('The watch of the leases ended.');
  }

  #tell(shard: number, seen: SeenRevision): void {
    if (this.#stopped) return;
    this.#told.set(shard, JSON.stringify(seen));
    this.#onLease(shard, seen);
  }
}

function seenOf(entry: KvEntry): SeenRevision {
  const lease = entry.operation === 'PUT' ? leaseSchema.parse(JSON.parse(entry.string())) : null;
  return { revision: entry.revision, lease };
}

function shardOfKey(key: string): number | undefined {
  const match = /^shard\.(\d+)$/.exec(key);
  return match ? Number(match[1]) : undefined;
}
