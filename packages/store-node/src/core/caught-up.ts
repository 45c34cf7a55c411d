/**
 * Whether a node that was started has come to where the others are: each of its replicas that counts has led,
 * or has once been near the end of its leader's log. Whoever replaces nodes one by one waits for that before
 * the next one goes; else two of three replicas could be away at once. Once is enough: it stays so while
 * NATS is away. A halted replica is for a person, and holds nobody up.
 */
import type { NodeStatus } from '@driftless/contracts';

/** As near as this is there, milliseconds: where others write all the time nobody is ever at the end. */
const nearMsMax = 1000;

export class CaughtUp {
  readonly #reached = new Set<number>();

  /** A shard that is not there yet, by what the node says of itself now. */
  behind({ node, shards }: Pick<NodeStatus, 'node' | 'shards'>): number | undefined {
    for (const { shard, role, lagMs } of shards) {
      if (role === 'leading' || (lagMs !== undefined && lagMs <= nearMsMax)) this.#reached.add(shard);
    }
    return shards.find(
      ({ shard, role, members }) => members.includes(node) && role !== 'halted' && !this.#reached.has(shard),
    )?.shard;
  }
}
