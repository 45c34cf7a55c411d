/**
 * What a node tells the others over core NATS: where the logs end that it leads, what its other replicas have
 * applied durably, and its status when something changed that others act on.
 */
import { appliedSubject, headSubject, statusSubject } from '@driftless/contracts';
import type { NodeConfig } from './config.ts';
import type { NodePorts } from './ports.ts';
import type { ShardReplica } from './shard/replica.ts';

/** Shortest time between two tellings of one shard's head, milliseconds. */
export const headEveryMs = 100;

export class News {
  readonly #config: NodeConfig;
  readonly #ports: NodePorts;
  readonly #status: () => unknown;
  readonly #headTold = new Map<number, number>();
  /** Replicas whose applied position was not synced and told yet, and when that was done last. */
  readonly #untold = new Set<ShardReplica>();
  #syncedAt = Number.NEGATIVE_INFINITY;
  #callOffApplied: (() => void) | undefined;
  /** A status is to be told in this turn. */
  #statusIsDue = false;
  #stopped = false;

  constructor(config: NodeConfig, ports: NodePorts, status: () => unknown) {
    this.#config = config;
    this.#ports = ports;
    this.#status = status;
  }

  stop(): void {
    this.#stopped = true;
    this.#callOffApplied?.();
  }

  /** A replica that is closed has no news. */
  forget(replica: ShardReplica): void {
    this.#untold.delete(replica);
  }

  /** Tells where a leader's log ends, or what a follower has applied durably. */
  progress(replica: ShardReplica, prompt: boolean): void {
    if (replica.leader) {
      this.head(replica);
      return;
    }
    this.#untold.add(replica);
    const wait = prompt ? 0 : this.#syncedAt + this.#config.followerSyncMs - this.#now();
    if (wait <= 0) this.#tellApplied();
    else this.#callOffApplied ??= this.#ports.clock.after(wait, () => this.#tellApplied());
  }

  head(replica: ShardReplica): void {
    // A leader that may have been deposed has no news.
    if (!replica.leadsForSure) return;
    const now = this.#now();
    if (now - (this.#headTold.get(replica.shard) ?? Number.NEGATIVE_INFINITY) < headEveryMs) return;
    this.#headTold.set(replica.shard, now);
    const { cluster, nodeId: node } = this.#config;
    const { epoch, seq } = replica.context.state.applied;
    const committedAt = this.#ports.clock.wall();
    this.#publish(headSubject(cluster, replica.shard), { node, epoch, seq, committedAt });
  }

  status(status: unknown): void {
    const { cluster, nodeId } = this.#config;
    this.#publish(statusSubject(cluster, nodeId), status);
  }

  /** What changed in one turn is told in one status. */
  statusSoon(): void {
    if (this.#statusIsDue) return;
    this.#statusIsDue = true;
    this.#ports.clock.soon(() => {
      this.#statusIsDue = false;
      if (!this.#stopped) this.status(this.#status());
    });
  }

  /** One sync a shard for all that was applied since the last one. */
  #tellApplied(): void {
    this.#callOffApplied?.();
    this.#callOffApplied = undefined;
    const { cluster, nodeId: node } = this.#config;
    const replicas = [...this.#untold].filter(({ isOpen }) => isOpen);
    this.#untold.clear();
    for (const replica of replicas) {
      replica.settle();
      const { context, shard } = replica;
      this.#publish(appliedSubject(cluster, shard), { node, ...context.durable });
    }
    this.#syncedAt = this.#now();
  }

  #publish(subject: string, message: unknown): void {
    this.#ports.bus.publish(subject, message);
  }

  #now(): number {
    return this.#ports.clock.monotonic();
  }
}
