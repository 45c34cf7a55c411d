/**
 * Port and NATS adapter: values under keys that several processes change, each only by compare-and-set on the
 * revision it has seen. Leases are kept so. A revision is a number that grows with each change of the bucket;
 * a bucket that was deleted and made anew begins at 1 again, so that two equal revisions say "the same" only
 * together with equal values.
 *
 * A call that gets no answer throws `Unanswered`: what was asked may have happened or not. The caller must
 * find out, never guess.
 */
import { JetStreamApiError } from '@nats-io/jetstream';
import { type KV, type KvEntry, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import type { z } from 'zod';
import type { Clock } from './clock.ts';

/** No answer, or none that says what happened. */
export class Unanswered extends Error {
  override name = 'Unanswered';
}

/** What stands under a key; revision 0 and null: nothing. */
export interface Seen<Value> {
  revision: number;
  value: Value | null;
}

export interface Cells<Value> {
  /** What stands there now. Throws `Unanswered`. */
  read(key: string): Promise<Seen<Value>>;
  /**
   * Compare-and-set: the new revision, or undefined when it isn't at `revision` (0: not there). Throws
   * `Unanswered`.
   */
  write(key: string, value: Value, revision: number): Promise<number | undefined>;
}

export interface KvCellsOptions<Value> {
  bucket: string;
  /** Copies that JetStream keeps. */
  replicas: number;
  schema: z.ZodType<Value>;
  requestTimeoutMs: number;
}

export interface KvWatchOptions {
  /** What is told at the beginning, and by every change. */
  keys: readonly string[];
  /** Pause before a broken watch is begun anew, milliseconds. */
  rewatchMs: number;
  clock: Clock;
  onBroken(error: Error): void;
}

const wrongLastSequence = [10071, 10164];

/** Cells in a JetStream KV bucket. */
export class KvCells<Value> implements Cells<Value> {
  readonly #kv: KV;
  readonly #makeBucket: () => Promise<KV>;
  readonly #options: KvCellsOptions<Value>;
  readonly #watches = new Set<Watch<Value>>();

  private constructor(kv: KV, makeBucket: () => Promise<KV>, options: KvCellsOptions<Value>) {
    this.#kv = kv;
    this.#makeBucket = makeBucket;
    this.#options = options;
  }

  /** Makes the bucket where it isn't there. */
  static async open<Value>(
    connection: NatsConnection,
    options: KvCellsOptions<Value>,
  ): Promise<KvCells<Value>> {
    const { bucket, replicas } = options;
    const makeBucket = (): Promise<KV> => new Kvm(connection).create(bucket, { history: 1, replicas });
    return new KvCells(await makeBucket(), makeBucket, options);
  }

  async read(key: string): Promise<Seen<Value>> {
    const seen = await this.#read(key);
    for (const watch of this.#watches) watch.compare(key, seen);
    return seen;
  }

  async write(key: string, value: Value, revision: number): Promise<number | undefined> {
    try {
      const { requestTimeoutMs: timeout } = this.#options;
      // `update` refuses revision 0, which here means "must not be there".
      return await this.#kv.put(key, JSON.stringify(value), { previousSeq: revision, timeout });
    } catch (cause) {
      if (cause instanceof JetStreamApiError && wrongLastSequence.includes(cause.code)) return undefined;
      throw await this.#unanswered(cause);
    }
  }

  /** Tells what stands under each key, then every change, until stopped; starts over when the link broke. */
  watch(options: KvWatchOptions, onSeen: (key: string, seen: Seen<Value>) => void): { stop(): void } {
    const ports = {
      kv: this.#kv,
      read: (key: string) => this.#read(key),
      seenOf: (entry: KvEntry) => this.#seenOf(entry),
    };
    const watch = new Watch(ports, options, onSeen);
    this.#watches.add(watch);
    const stop = (): void => {
      this.#watches.delete(watch);
      watch.stop();
    };
    return { stop };
  }

  async #read(key: string): Promise<Seen<Value>> {
    try {
      const entry = await this.#kv.get(key);
      return entry ? this.#seenOf(entry) : { revision: 0, value: null };
    } catch (cause) {
      throw await this.#unanswered(cause);
    }
  }

  #seenOf(entry: KvEntry): Seen<Value> {
    const isThere = entry.operation === 'PUT';
    const value = isThere ? this.#options.schema.parse(JSON.parse(entry.string())) : null;
    return { revision: entry.revision, value };
  }

  /** What went wrong, as the port says it; makes the bucket again in case that JetStream lost it. */
  async #unanswered(cause: unknown): Promise<Unanswered> {
    await this.#makeBucket().catch(() => undefined);
    return new Unanswered(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

interface WatchPorts<Value> {
  kv: KV;
  read(key: string): Promise<Seen<Value>>;
  seenOf(entry: KvEntry): Seen<Value>;
}

/**
 * A watch that goes on for ever. The client's own comes back after a broken link, but not after the bucket
 * was deleted, and then says nothing: that shows when somebody reads what the watch has not told, and
 * begins it anew.
 */
class Watch<Value> {
  readonly #ports: WatchPorts<Value>;
  readonly #options: KvWatchOptions;
  readonly #onSeen: (key: string, seen: Seen<Value>) => void;
  /** What was last told, by key; revisions alone may be equal, for a new bucket begins at 1 again. */
  readonly #told = new Map<string, string>();
  #stopped = false;
  #entries: { stop(): void } | undefined;

  constructor(
    ports: WatchPorts<Value>,
    options: KvWatchOptions,
    onSeen: (key: string, seen: Seen<Value>) => void,
  ) {
    this.#ports = ports;
    this.#options = options;
    this.#onSeen = onSeen;
    void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    this.#entries?.stop();
  }

  compare(key: string, seen: Seen<Value>): void {
    const isOurs = this.#options.keys.includes(key);
    if (isOurs && this.#told.get(key) !== JSON.stringify(seen)) this.#entries?.stop();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#runOnce().catch((error: Error) => this.#options.onBroken(error));
      this.#entries = undefined;
      if (!this.#stopped) await this.#options.clock.sleep(this.#options.rewatchMs);
    }
  }

  async #runOnce(): Promise<void> {
    const { kv, read, seenOf } = this.#ports;
    for (const key of this.#options.keys) this.#tell(key, await read(key));
    const entries = await kv.watch();
    this.#entries = entries;
    if (this.#stopped) entries.stop();
    for await (const entry of entries) {
      if (this.#options.keys.includes(entry.key)) this.#tell(entry.key, seenOf(entry));
    }
    if (!this.#stopped) throw new Unanswered('The watch of the bucket ended.');
  }

  #tell(key: string, seen: Seen<Value>): void {
    if (this.#stopped) return;
    this.#told.set(key, JSON.stringify(seen));
    this.#onSeen(key, seen);
  }
}
