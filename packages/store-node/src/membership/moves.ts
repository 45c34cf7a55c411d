/**
 * Brings the shards to where the list of members wants them, a turn at a time. For a shard that is led here
 * it takes the next step of its replica set (core/reconcile.ts). For others it follows the word of their
 * leaders: it takes a copy of a shard when this node is invited, and lets one go that no shard counts on.
 */
import type { NodeStatus, ShardMove } from '@driftless/contracts';
import type { Logger } from '@driftless/runtime';
import { nextStep, type Step } from '../core/reconcile.ts';
import type { Roster } from '../roster.ts';
import type { ShardReplica } from '../shard/replica.ts';
import type { Membership } from './membership.ts';

export interface MovesLimits {
  /** Shards of this node that move at one time, as their leader and as the one that takes copies. */
  movesMax: number;
  /** How long a replica that no shard counts on is kept, milliseconds. */
  retireAfterMs: number;
}

/** What the node does at the word of this. */
export interface Host {
  readonly id: string;
  readonly replicas: readonly ShardReplica[];
  has(shard: number): boolean;
  /** Opens a replica of the shard, which knows nothing yet. */
  take(shard: number): void;
  /** Whether the replica is in the middle of something. */
  isBusy(shard: number): boolean;
  /** Closes the replica and removes its files. */
  letGo(shard: number): void;
}

/** Operations that a node may be behind and still be counted on. */
const keepUpLagOpsMax = 2000;

export class Moves {
  readonly #host: Host;
  readonly #membership: Membership;
  readonly #roster: Roster;
  readonly #limits: MovesLimits;
  readonly #logger: Logger;
  /** Since when no shard counts on a replica of ours; monotonic, milliseconds. */
  readonly #idleSince = new Map<number, number>();

  constructor(host: Host, membership: Membership, roster: Roster, limits: MovesLimits, logger: Logger) {
    this.#host = host;
    this.#membership = membership;
    this.#roster = roster;
    this.#limits = limits;
    this.#logger = logger;
  }

  /** `now`: monotonic, milliseconds. */
  turn(now: number): void {
    for (const replica of this.#host.replicas) {
      if (replica.leadsForSure) this.#lead(replica, now);
      else replica.context.move = undefined;
    }
    this.#takeInvited(now);
    this.#letGo(now);
    this.#advanceMembers(now);
  }

  /** Whether a leader asks this node for a shard that it does not have yet. */
  isInvitedBy({ shards }: NodeStatus): boolean {
    return shards.some(({ shard, move }) => move?.invited === this.#host.id && !this.#host.has(shard));
  }

  #lead(replica: ShardReplica, now: number): void {
    const { context, leader } = replica;
    if (!leader) return;
    const { shard, members } = context;
    const settled = leader.setIsSettled;
    const step = nextStep({
      self: this.#host.id,
      members,
      wanted: this.#membership.wanted[shard] ?? [],
      settled,
      keepingUp: this.#keepingUp(replica, now),
      alive: this.#roster.alive(now),
      mayInvite: context.move?.invited !== undefined || this.#invitations() < this.#limits.movesMax,
    });
    context.move = moveOf(step, settled);
    if (step.kind === 'change') {
      this.#logger.info({ shard, members: step.members, why: step.why }, 'changing the replica set');
      leader.changeMembers(step.members);
      context.instruments.setChanges.add(1, { shard: String(shard) });
      context.move = { ...context.move, settled: false };
    }
    if (step.kind === 'hand-over') replica.resign(step.to);
  }

  /** Other nodes whose replica is well, and on disk close to where ours is. */
  #keepingUp({ context }: ShardReplica, now: number): Set<string> {
    const { shard, state, told } = context;
    const { epoch, seq } = state.applied;
    const near = [...told].filter(([node, position]) => {
      const close = position.epoch === epoch && seq - position.seq <= keepUpLagOpsMax;
      return close && this.#roster.isWell(node, shard, state.applied, now);
    });
    return new Set(near.map(([node]) => node));
  }

  #invitations(): number {
    return this.#host.replicas.filter(({ context }) => context.move?.invited !== undefined).length;
  }

  /** Copies for shards whose leader invites us, or counts on us although we have nothing. */
  #takeInvited(now: number): void {
    this.#membership.wanted.forEach((_, shard) => {
      const leading = this.#roster.leading(shard, now);
      const { members = [], move } = leading?.replica ?? {};
      const invited = move?.invited === this.#host.id;
      if (this.#host.has(shard)) {
        const replica = this.#host.replicas.find((candidate) => candidate.shard === shard);
        if (replica) replica.context.invited = invited;
      } else if (invited || members.includes(this.#host.id)) {
        const learning = this.#host.replicas.filter(({ context }) => context.isBlank).length;
        if (learning < this.#limits.movesMax) this.#host.take(shard);
      }
    });
  }

  /** A replica goes when the set without it has been settled for a while, and nothing waits in it. */
  #letGo(now: number): void {
    for (const { context } of this.#host.replicas) {
      const { shard, state } = context;
      const leading = this.#roster.leading(shard, now);
      const { members = [], move, applied } = leading?.replica ?? {};
      const unwanted =
        leading !== undefined &&
        leading.node !== this.#host.id &&
        move?.settled === true &&
        move.invited !== this.#host.id &&
        !members.includes(this.#host.id) &&
        (applied?.epoch ?? 0) >= state.applied.epoch;
      const since = unwanted ? (this.#idleSince.get(shard) ?? now) : undefined;
      if (since === undefined) this.#idleSince.delete(shard);
      else this.#idleSince.set(shard, since);
      if (since === undefined || now - since < this.#limits.retireAfterMs) continue;
      if (context.restoring || this.#host.isBusy(shard) || context.store.counts().orphans > 0) continue;
      this.#idleSince.delete(shard);
      this.#logger.info({ shard, members }, 'this replica is not of its shard any more; removing it');
      this.#host.letGo(shard);
    }
  }

  #advanceMembers(now: number): void {
    const shards = this.#membership.wanted.map((_, shard) => {
      const leading = this.#roster.leading(shard, now);
      if (!leading) return undefined;
      const { members, move } = leading.replica;
      return { members, settled: move?.settled ?? false, invited: move?.invited };
    });
    this.#membership.advance(shards, (node) => this.#roster.holds(node, now));
  }
}

function moveOf(step: Step, settled: boolean): ShardMove {
  switch (step.kind) {
    case 'rest':
      return { settled };
    case 'wait':
      return { settled, doing: `waiting: ${step.why}` };
    case 'invite':
      return { settled, invited: step.node, doing: `${step.node} takes a copy` };
    case 'change':
      return { settled, doing: step.why };
    case 'hand-over':
      return { settled, doing: `${step.to} shall lead` };
  }
}
