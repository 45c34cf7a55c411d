/**
 * Where one watcher stands: a position a shard, moved by the batches it is shown. Every event carries all of
 * them as its `id`, so that the watch can go on from there on any gateway.
 */
import type { Position } from '@driftless/contracts';
import { assert } from '../assert.ts';
import type { ChangeBatch } from './changes.ts';
import { encodeToken } from './token.ts';

export class WatchCursor {
  readonly #clusterId: string;
  readonly #prefix: string;
  readonly #positions: Position[];

  constructor(clusterId: string, prefix: string, positions: readonly Position[]) {
    this.#clusterId = clusterId;
    this.#prefix = prefix;
    this.#positions = [...positions];
  }

  at(shard: number): Position {
    return this.#positions[shard] as Position;
  }

  get token(): string {
    return encodeToken(this.#clusterId, this.#positions);
  }

  /** Moves past the batch. The text of its events that are new and wanted, and how many they are. */
  take(shard: number, batch: ChangeBatch): { text: string; events: number } {
    const from = this.at(shard);
    assert(batch.firstSeq <= from.seq + 1 && batch.lastSeq > from.seq, 'a batch follows the cursor');
    assert(batch.epoch >= from.epoch, 'epochs only grow');
    let text = '';
    let events = 0;
    for (const { type, key, seq, data } of batch.changes) {
      if (seq <= from.seq || !key.startsWith(this.#prefix)) continue;
      this.#positions[shard] = { epoch: batch.epoch, seq };
      text += `event: ${type}\nid: ${this.token}\n${data}\n`;
      events += 1;
    }
    this.#positions[shard] = { epoch: batch.epoch, seq: batch.lastSeq };
    return { text, events };
  }
}
