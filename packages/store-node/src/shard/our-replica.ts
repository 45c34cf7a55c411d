/**
 * Our side of an exchange: what the comparison asks of this replica, and how it is repaired. Rows come from
 * the peer first; then each bucket is changed in one turn and one transaction, so that events go on in
 * between, and audited again at once. A replica that leads is not repaired: what it stamped must stay what
 * it holds.
 */
import type {
  BucketRows,
  Capture,
  Heads,
  HealLedger,
  LeafDigests,
  Missed,
  OurReplica,
  Repair,
  Repaired,
  Wanted,
} from '@driftless/anti-entropy';
import { decodeFrame, fetchAnswerSchema, PayloadReader, type Position } from '@driftless/contracts';
import { type Entry, makeEntry } from '../core/entry.ts';
import { planRepair } from '../core/repair.ts';
import { headsOf, listBuckets, takeCapture } from './answer-peers.ts';
import { auditBucket } from './audit.ts';
import type { ShardContext } from './context.ts';
import { note } from './scrub.ts';

export interface OurReplicaOptions {
  /** Whom rows come from. */
  peer: string;
  ledger: HealLedger;
  /** Throws when this replica must not be changed any more. */
  requireMendable(): void;
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

  buckets(buckets: readonly number[], throughSeq: number): Promise<BucketRows[]> {
    return listBuckets(this.#context, buckets, throughSeq);
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

  async repair(buckets: readonly number[], repairs: readonly Repair[]): Promise<Repaired> {
    const { rows, bytes } = await this.#fetch(repairs);
    const byBucket = Map.groupBy(repairs, ({ bucket }) => bucket);
    let healed = 0;
    for (const bucket of buckets) {
      healed += this.#repairBucket(bucket, byBucket.get(bucket) ?? [], rows);
      await this.#context.clock.turn();
    }
    // One sync for all of them: what is proven next is on disk.
    this.#context.sync();
    return { healed, bytesShipped: bytes };
  }

  /** In one turn: nothing is applied between looking at the rows and writing them. */
  #repairBucket(bucket: number, repairs: readonly Repair[], theirs: ReadonlyMap<string, Entry>): number {
    this.#options.requireMendable();
    const context = this.#context;
    const { store, state, clock, logger, shard } = context;
    const { change, healed } = planRepair({
      state,
      epochs: store.epochs(),
      bucket,
      leaf: store.leaf(bucket),
      leavesRoot: store.leavesRoot(),
      rows: store.bucketRows(bucket),
      repairs,
      theirs,
    });
    if (change) context.commit(change, 'written');
    for (const key of healed) this.#options.ledger.healed(key, clock.monotonic());
    note(context, [auditBucket(store, bucket)]);
    if (change) {
      const { peer } = this.#options;
      logger.warn(
        { shard, bucket, peer, keys: healed.slice(0, keysTold), healed: healed.length },
        'repaired a bucket',
      );
    }
    return healed.length;
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
const keysTold = 10;
