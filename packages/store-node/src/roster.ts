/**
 * What a node knows of the nodes of its cluster, by the statuses that they tell: where they are, and how
 * well.
 */
import type { NodeStatus, Position } from '@driftless/contracts';

/** Operations that a successor may be behind: it has to apply them before it serves. */
const successorLagOpsMax = 10_000;

export class Roster {
  readonly #silentMs: number;
  readonly #heard = new Map<string, { status: NodeStatus; at: number }>();

  /** A node that was silent for `silentMs` is not counted on. */
  constructor(silentMs: number) {
    this.#silentMs = silentMs;
  }

  /** `now`: monotonic, milliseconds; here and below. */
  heard(status: NodeStatus, now: number): void {
    this.#heard.set(status.node, { status, at: now });
  }

  /** Where a node was when it was last heard of (http://host:port). */
  urlOf(node: string): string | undefined {
    return this.#heard.get(node)?.status.url;
  }

  /**
   * Whether a node could lead the shard at once: alive, staying, healthy, in this epoch, and not far behind.
   */
  couldLead(node: string, shard: number, at: Position, now: number): boolean {
    const heard = this.#heard.get(node);
    if (!heard || now - heard.at >= this.#silentMs || heard.status.draining) return false;
    const replica = heard.status.shards.find((candidate) => candidate.shard === shard);
    if (replica?.health !== 'healthy' || replica.applied.epoch !== at.epoch) return false;
    return at.seq - replica.applied.seq <= successorLagOpsMax;
  }

  /** The first of `members` that could lead the shard; null when none could. */
  successor(members: readonly string[], shard: number, at: Position, now: number): string | null {
    return members.find((member) => this.couldLead(member, shard, at, now)) ?? null;
  }
}
