/**
 * What a node knows of the nodes of its cluster, by the statuses that they tell: where they are, and how
 * well.
 */
import type { NodeStatus, Position, ReplicaStatus } from '@driftless/contracts';
import { HeardNodes } from '@driftless/runtime';

/** Operations that a successor may be behind: it has to apply them before it serves. */
const successorLagOpsMax = 10_000;

/** `now`, in all of it: monotonic, milliseconds. */
export class Roster {
  readonly #nodes: HeardNodes;
  readonly #roundTripMsMax: number;
  /** How long what this node told last was on its way back from NATS, milliseconds. */
  roundTripMs: number | undefined;

  /**
   * A node that was silent for `silentMs` is not counted on; nor, to lead, one that is more than
   * `roundTripMsMax` from NATS and back.
   */
  constructor(silentMs: number, roundTripMsMax: number) {
    this.#nodes = new HeardNodes(silentMs);
    this.#roundTripMsMax = roundTripMsMax;
  }

  /** This node's own status came back from NATS. */
  echoed({ toldAt }: NodeStatus, now: number): void {
    if (toldAt !== undefined) this.roundTripMs = Math.max(0, now - toldAt);
  }

  heard(status: NodeStatus, now: number): void {
    this.#nodes.heard(status, now);
  }

  /** Where a node was when it was last heard of (http://host:port). */
  urlOf(node: string): string | undefined {
    return this.#nodes.urlOf(node);
  }

  /** How long ago a node was heard of last, milliseconds; undefined when it never was. */
  silentMs(node: string, now: number): number | undefined {
    return this.#nodes.silentMs(node, now);
  }

  /** Whether a node could lead the shard at once: its replica is well, and it is not far from NATS. */
  couldLead(node: string, shard: number, at: Position, now: number): boolean {
    const { natsRoundTripMs = 0 } = this.#nodes.fresh(node, now) ?? {};
    return natsRoundTripMs <= this.#roundTripMsMax && this.isWell(node, shard, at, now);
  }

  /** Whether a node is alive and stays, and its replica is healthy, in this epoch, and not far behind. */
  isWell(node: string, shard: number, at: Position, now: number): boolean {
    const status = this.#nodes.fresh(node, now);
    if (!status || status.draining) return false;
    const replica = status.shards.find((candidate) => candidate.shard === shard);
    if (replica?.health !== 'healthy' || replica.applied.epoch !== at.epoch) return false;
    return at.seq - replica.applied.seq <= successorLagOpsMax;
  }

  /** Nodes that are heard of. */
  alive(now: number): Set<string> {
    return new Set(this.#nodes.allFresh(now).map(({ node }) => node));
  }

  /** Replicas on a node, by its own word; undefined when it is not heard of. */
  holds(node: string, now: number): number | undefined {
    return this.#nodes.fresh(node, now)?.shards.length;
  }

  /** The node that says that it leads the shard, in the latest epoch, and what it says. */
  leading(shard: number, now: number): { node: string; replica: ReplicaStatus } | undefined {
    let best: { node: string; replica: ReplicaStatus } | undefined;
    for (const { node, shards } of this.#nodes.allFresh(now)) {
      const replica = shards.find((candidate) => candidate.shard === shard);
      // Without `move` it may lead no more, or has not looked yet.
      if (replica?.role !== 'leading' || !replica.move) continue;
      if (!best || replica.applied.epoch > best.replica.applied.epoch) best = { node, replica };
    }
    return best;
  }

  /** The first of `members` that could lead the shard; null when none could. */
  successor(members: readonly string[], shard: number, at: Position, now: number): string | null {
    return members.find((member) => this.couldLead(member, shard, at, now)) ?? null;
  }
}
