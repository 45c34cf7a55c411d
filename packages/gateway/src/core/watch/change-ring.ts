/**
 * The recent changes of a shard, kept once for all watchers of a gateway and bounded in bytes. A watcher
 * has no buffer of its own: how far it may fall behind is how far the ring reaches back.
 *
 *        tail                                head
 *         │  batch │ batch │ batch │ batch │  │
 *         └ position before the oldest        └ position after the newest
 */
import type { Position } from '@driftless/contracts';
import { assert } from '../assert.ts';
import type { ChangeBatch } from './changes.ts';

export type RingRead =
  /** The batch that holds what follows; its beginning may be known already. */
  | { kind: 'batch'; batch: ChangeBatch }
  /** Nothing follows yet. */
  | { kind: 'caught-up' }
  /** What follows has left the ring, or the position is not on the ring's history: only the log can tell. */
  | { kind: 'missed' };

export class ChangeRing {
  readonly #bytesMax: number;
  readonly #batches: ChangeBatch[] = [];
  #tail: Position;
  #head: Position;
  #bytes = 0;

  constructor(start: Position, bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#tail = start;
    this.#head = start;
  }

  get head(): Position {
    return this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(batch: ChangeBatch): void {
    assert(batch.firstSeq === this.#head.seq + 1, 'batches follow each other without a gap');
    assert(batch.epoch >= this.#head.epoch, 'epochs only grow');
    this.#batches.push(batch);
    this.#bytes += batch.bytes;
    this.#head = { epoch: batch.epoch, seq: batch.lastSeq };
    while (this.#bytes > this.#bytesMax) this.#dropOldest();
  }

  read({ epoch, seq }: Position): RingRead {
    if (seq > this.#head.seq) return epoch < this.#head.epoch ? { kind: 'missed' } : { kind: 'caught-up' };
    if (seq < this.#tail.seq || epoch !== this.#epochAt(seq)) return { kind: 'missed' };
    const batch = this.#batches[this.#indexAfter(seq)];
    return batch ? { kind: 'batch', batch } : { kind: 'caught-up' };
  }

  #dropOldest(): void {
    const oldest = this.#batches.shift() as ChangeBatch;
    this.#bytes -= oldest.bytes;
    this.#tail = { epoch: oldest.epoch, seq: oldest.lastSeq };
  }

  /** Of a seq from tail to head. */
  #epochAt(seq: number): number | undefined {
    return seq === this.#tail.seq ? this.#tail.epoch : this.#batches[this.#indexAfter(seq - 1)]?.epoch;
  }

  /** Index of the batch that holds the first operation after `seq`. */
  #indexAfter(seq: number): number {
    let low = 0;
    let high = this.#batches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#batches[middle] as ChangeBatch).lastSeq <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
