/**
 * Our side of an exchange: what the comparison asks of this replica, and how it is repaired. Rows come from
 * the peer first; then a few buckets at a time are changed in one turn and one transaction, so that events go
 * on in between. Those that were not known to be sound are audited again at once. A replica that leads is not
 * repaired: what it stamped must stay what it holds.
 */
import type {
  BucketRows,
  Capture,
  Heads,
  HealLedger,
  LeafDigests,
  Listing,
  Missed,
  OurReplica,
  Repair,
  Repaired,
  Wanted,
} from '@driftless/anti-entropy';
import {
  type Digest,
  decodeFrame,
  fetchAnswerSchema,
  PayloadReader,
  type Position,
  xorDigest,
  zeroDigest,
} from '@driftless/contracts';
import { bothChanges, type Change } from '../core/change.ts';
import { type Entry, makeEntry } from '../core/entry.ts';
import { leafOf, planRepair } from '../core/repair.ts';
import { headsOf, listBuckets, takeCapture } from './answer-peers.ts';
import { auditBucket, burstRows } from './audit.ts';
import type { ShardContext } from './context.ts';
import type { ExchangeTrace } from './exchange-trace.ts';
import { note } from './scrub.ts';

export interface OurReplicaOptions {
  /** Whom rows come from. */
  peer: string;
  ledger: HealLedger;
  /** Throws when this replica must not be changed any more. */
  requireMendable(): void;
  /** Of the exchange, where it is traced. */
  trace?: ExchangeTrace | undefined;
}

export class LocalReplica implements OurReplica {
  readonly #context: ShardContext;
  readonly #options: OurReplicaOptions;

  constructor(context: ShardContext, options: OurReplicaOptions) {
    this.#context = context;
    this.#options = options;
  }

  position(): Position {
    return this.#context.state.applied;
  }

  capture(atSeq: number, waitMs: number): Promise<Capture | Missed> {
    return takeCapture(this.#context, atSeq, waitMs);
  }

  leaves(capture: string): LeafDigests | undefined {
    return this.#context.captures.get(capture)?.leaves;
  }

  epochs(): { epoch: number; firstSeq: number }[] {
    return this.#context.store.epochs();
  }

  buckets(buckets: readonly number[], listing: Listing): Promise<BucketRows[]> {
    return listBuckets(this.#context, buckets, listing);
  }

  heads(wanted: readonly Wanted[]): Promise<Heads> {
    return headsOf(this.#context, wanted);
  }

  isStopped(key: string): boolean {
    const { clock, instruments, shard } = this.#context;
    const stopped = this.#options.ledger.isStopped(key, clock.monotonic());
    if (stopped) instruments.antiEntropy.stopped.add(1, { shard: String(shard) });
    return stopped;
  }

  repair(buckets: readonly number[], repairs: readonly Repair[]): Promise<Repaired> {
    const { trace } = this.#options;
    return trace ? trace.healing(() => this.#repair(buckets, repairs)) : this.#repair(buckets, repairs);
  }

  async #repair(buckets: readonly number[], repairs: readonly Repair[]): Promise<Repaired> {
    const { rows, bytes } = await this.#fetch(repairs);
    const byBucket = Map.groupBy(repairs, ({ bucket }) => bucket);
    const waiting = [...buckets];
    let healed = 0;
    while (waiting.length > 0) {
      healed += this.#repairSome(waiting, byBucket, rows);
      await this.#context.clock.turn();
    }
    // One sync for all of them: what is proven next is on disk.
    this.#context.sync();
    return { healed, bytesShipped: bytes };
  }

  /**
   * The first of the waiting buckets, in one turn: nothing is applied between looking at the rows and writing
   * them.
   */
  #repairSome(
    waiting: number[],
    repairs: ReadonlyMap<number, readonly Repair[]>,
    theirs: ReadonlyMap<string, Entry>,
  ): number {
    this.#options.requireMendable();
    const context = this.#context;
    const { store, listings } = context;
    const epochs = store.epochs();
    const healed: string[] = [];
    const unproven: number[] = [];
    let change: Change | undefined;
    let leavesRoot = store.leavesRoot();
    for (let read = 0; waiting.length > 0 && read < burstRows; ) {
      const bucket = waiting.shift() as number;
      const some = repairs.get(bucket) ?? [];
      const { rows, leaf, isProven } = this.#rowsOf(bucket, some);
      const state = change?.state ?? context.state;
      const part = planRepair({ state, epochs, bucket, leaf, leavesRoot, rows, repairs: some, theirs });
      read += Math.max(1, rows.length);
      healed.push(...part.healed);
      if (!isProven) unproven.push(bucket);
      if (!part.change) continue;
      leavesRoot = xorDigest(leavesRoot, part.change.leafXors.get(bucket) ?? zeroDigest());
      change = change ? bothChanges(change, part.change) : part.change;
      listings.forget(bucket);
    }
    if (change) context.commit(change, 'written');
    for (const key of healed) this.#options.ledger.healed(key, context.clock.monotonic());
    for (const bucket of unproven) note(context, [auditBucket(store, bucket)]);
    if (change) this.#tell(change, healed);
    return healed.length;
  }

  /** What of a bucket has to be looked at: of one that is known to be sound, the rows to be repaired. */
  #rowsOf(bucket: number, repairs: readonly Repair[]): { rows: Entry[]; leaf: Digest; isProven: boolean } {
    const { store, listings } = this.#context;
    const isProven = repairs.length > 0 && listings.of(store, bucket) !== undefined;
    if (!isProven) return { rows: store.bucketRows(bucket), leaf: store.leaf(bucket), isProven };
    const rows = repairs.flatMap(({ key }) => store.get(key) ?? []);
    return { rows, leaf: leafOf(rows), isProven };
  }

  #tell({ leafXors }: Change, healed: readonly string[]): void {
    const { logger, shard } = this.#context;
    const { peer } = this.#options;
    const keys = healed.slice(0, keysTold);
    logger.warn({ shard, peer, buckets: leafXors.size, keys, healed: healed.length }, 'repaired rows');
  }

  /** The peer's rows; one that it doesn't have any more, or that has rotted there, is not among them. */
  async #fetch(repairs: readonly Repair[]): Promise<{ rows: Map<string, Entry>; bytes: number }> {
    const { peers, shard, instruments } = this.#context;
    const keys = repairs.filter(({ theirs }) => theirs).map(({ key }) => key);
    const rows = new Map<string, Entry>();
    if (keys.length === 0) return { rows, bytes: 0 };
    const frame = await peers.ask(this.#options.peer, shard, 'fetch', { keys });
    if (!frame) throw new Error(`${this.#options.peer} did not give the rows that it has.`);
    const { header, body } = decodeFrame(frame);
    const answer = fetchAnswerSchema.parse(header);
    const payloads = new PayloadReader(body);
    for (const { key, version, tombstone, type: contentType, expiresAt, bytes } of answer.rows) {
      const value = payloads.take(bytes);
      rows.set(key, makeEntry({ key, ...version, tombstone, value, contentType, expiresAt }));
    }
    instruments.antiEntropy.rowsShipped.add(rows.size, { shard: String(shard) });
    return { rows, bytes: body.length };
  }
}

/** Keys of a repair that are named in the log. */
const keysTold = 50;
