/**
 * The leader's collector: removes tombstones and expired values for good, a record at a time with a pause
 * after each, as far as the members have been proven equal (core/collect.ts). What is proven it is told
 * (`context.verified`) and never remembers over a restart: a leader that has not been told removes nothing.
 */
import { collectedOf, collectQuery } from '../core/collect.ts';
import type { ShardReplica } from './replica.ts';

export class Collector {
  readonly #replica: ShardReplica;
  #busy = false;

  constructor(replica: ShardReplica) {
    this.#replica = replica;
  }

  /** Goes on after this returns, until nothing is left that may go. */
  turn(): void {
    if (this.#busy) return;
    this.#busy = true;
    void this.#work().finally(() => {
      this.#busy = false;
    });
  }

  async #work(): Promise<void> {
    const { clock, limits } = this.#replica.context;
    while (this.#removeSome()) await clock.sleep(limits.collectEveryMs);
  }

  /** Whether there is more to remove. */
  #removeSome(): boolean {
    const { leader, leadsForSure, isOpen, context } = this.#replica;
    if (!isOpen || !leader || !leadsForSure) return false;
    const { store, limits, verified, members, state, clock, instruments, logger, shard } = context;
    const epochs = () => store.epochs();
    const query = collectQuery({ verified, members, state, epochs, now: clock.wall() }, limits);
    if (!query) return false;
    const rows = store.collectable(query);
    const entries = collectedOf(rows, limits);
    if (entries.length === 0 || !leader.collect(entries)) return false;
    const deleted = rows.slice(0, entries.length).filter(({ tombstone }) => tombstone).length;
    const expired = entries.length - deleted;
    instruments.rowsCollected.add(deleted, { shard: String(shard), kind: 'tombstone' });
    instruments.rowsCollected.add(expired, { shard: String(shard), kind: 'expired' });
    logger.info({ shard, throughSeq: query.throughSeq, deleted, expired }, 'removed rows for good');
    return rows.length === query.limit || entries.length < rows.length;
  }
}
