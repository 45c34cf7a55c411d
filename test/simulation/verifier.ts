/**
 * Stands in for anti-entropy: tells leaders up to where all members were equal, so that they may remove
 * deleted rows for good. It is honest, and sees more than real rounds do: the root of every replica at every
 * position that it came to. A position counts when each member has had it on disk, with the same root and no
 * drift.
 */
import {
  comparePositions,
  formatDigest,
  formatPosition,
  isZeroDigest,
  type Position,
} from '@driftless/contracts';
import type { ShardStore } from '@driftless/store-node/simulation';

/** What one replica came to, on one disk. */
interface Trail {
  /** Root at each position, by the position's text, in order. */
  readonly roots: Map<string, { position: Position; root: string }>;
  onDisk: Position;
}

export class Verifier {
  readonly #trails = new Map<string, Trail>();

  /** The replica has committed this; `synced`: it is on disk. */
  saw(node: string, shard: number, store: ShardStore, synced: boolean): void {
    const { applied: position, root, drift, suspect } = store.state();
    const trail = this.#trailOf(node, shard);
    const isGood = isZeroDigest(drift) && !suspect;
    if (isGood) trail.roots.set(formatPosition(position), { position, root: formatDigest(root) });
    if (synced && comparePositions(position, trail.onDisk) > 0) trail.onDisk = position;
  }

  /** The disk is gone, with all that was proven of it. */
  lost(node: string, shard: number): void {
    this.#trails.delete(`${node} ${shard}`);
  }

  /** The last position that `leader` came to at which all members were equal. */
  verified(shard: number, leader: string, members: readonly string[]): Position | undefined {
    const trails = members.map((member) => this.#trailOf(member, shard));
    const found = [...this.#trailOf(leader, shard).roots].findLast(([at, { position, root }]) =>
      trails.every(({ roots, onDisk }) => {
        return roots.get(at)?.root === root && comparePositions(position, onDisk) <= 0;
      }),
    );
    return found?.[1].position;
  }

  #trailOf(node: string, shard: number): Trail {
    const name = `${node} ${shard}`;
    const trail = this.#trails.get(name) ?? { roots: new Map(), onDisk: { epoch: 0, seq: 0 } };
    this.#trails.set(name, trail);
    return trail;
  }
}
