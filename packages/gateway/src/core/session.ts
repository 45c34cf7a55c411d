/**
 * A session while one request is served: what its client had seen when it came, and sees by the answer. It
 * holds, for each shard, the newest version that was read or written; nothing else binds later requests, so a
 * replica need not be newer than that.
 *
 *     read-your-writes       a write's version is seen, and a session read comes after it
 *     monotonic reads        so is a read's
 *     monotonic writes       a write comes after what was seen
 *     writes follow reads    the same
 */
import { comparePositions, type LostPosition, type Position } from '@driftless/contracts';

export class Session {
  readonly #positions: Map<number, Position>;
  /** Nothing binds it yet: its client sent no token. */
  readonly isNew: boolean;

  constructor(positions?: ReadonlyMap<number, Position>) {
    this.#positions = new Map(positions);
    this.isNew = this.#positions.size === 0;
  }

  get positions(): ReadonlyMap<number, Position> {
    return this.#positions;
  }

  /** The newest position of a shard that it has seen. */
  seen(shard: number): Position | undefined {
    return this.#positions.get(shard);
  }

  /** An answer showed `position` of a shard. */
  saw(shard: number, position: Position): void {
    const known = this.#positions.get(shard);
    if (known !== undefined && comparePositions(known, position) >= 0) return;
    this.#positions.set(shard, position);
  }

  /** What it had seen was rolled back: it goes on from where the history went on. */
  lost({ shard, position, agreed }: LostPosition): void {
    const known = this.#positions.get(shard);
    if (known === undefined || comparePositions(known, position) !== 0) return;
    if (agreed.seq > 0) this.#positions.set(shard, agreed);
    else this.#positions.delete(shard);
  }
}
