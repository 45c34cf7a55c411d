/**
 * A node's view of who is a member: the list on its disk, merged with what other nodes tell, and what it
 * asks of the shards. Changes that an operator orders are made here, and go round with the statuses.
 */
import {
  DriftlessError,
  foundingMembers,
  type MemberList,
  memberOf,
  mergeMembers,
  sameMembers,
  stayingMembers,
  wantedPlacement,
  withReplaced,
  withStarted,
  withState,
} from '@driftless/contracts';
import { nextMemberState, type ShardFacts } from '../core/member-state.ts';
import type { MemberFile } from './member-file.ts';

export interface MembershipParts {
  node: string;
  /** The nodes that the cluster began with. */
  founders: readonly string[];
  shardCount: number;
  replicationFactor: number;
  file: MemberFile;
}

export class Membership {
  readonly #parts: MembershipParts;
  /** This node has never run before. */
  readonly isFirstLife: boolean;
  #introduced = false;
  #list: MemberList;
  #wanted: readonly (readonly string[])[];

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    const kept = parts.file.load();
    this.isFirstLife = kept === undefined;
    this.#list = withStarted(kept ?? foundingMembers(parts.founders), parts.node);
    this.#wanted = this.#placement(this.#list);
  }

  get list(): MemberList {
    return this.#list;
  }

  /** By shard number: the nodes that should hold it, the preferred leader first. */
  get wanted(): readonly (readonly string[])[] {
    return this.#wanted;
  }

  /** The replica sets that the cluster began with, by shard number. */
  foundingSets(): string[][] {
    return this.#placement(foundingMembers(this.#parts.founders));
  }

  /** From here on this is not the node's first life. */
  keep(): void {
    this.#parts.file.save(this.#list);
  }

  /** Another node's list. The first one that knows us tells whether we had left before we started. */
  heard(list: MemberList): void {
    const { node } = this.#parts;
    const merged = mergeMembers(this.#list, list);
    const isFirst = !this.#introduced && memberOf(list, node) !== undefined;
    this.#introduced ||= isFirst;
    this.#take(isFirst ? withStarted(merged, node) : merged);
  }

  /** Its shards go to others; it has left when none counts on it. */
  leave(node: string): void {
    const after = withState(this.#list, this.#known(node), 'leaving');
    const { replicationFactor } = this.#parts;
    if (memberOf(this.#list, node)?.state === 'left') return;
    if (stayingMembers(after).length < replicationFactor) {
      const detail = `Without ${node} fewer members remain than a shard has replicas.`;
      const hint = 'Start another node first, or replace this one.';
      throw new DriftlessError('members-conflict', detail, { hint });
    }
    this.#take(after);
  }

  /** `by` takes over what `node` has, and nothing else moves. It may be started before or after. */
  replace(node: string, by: string): void {
    const staying = stayingMembers(this.#list).map((member) => member.node);
    if (!staying.includes(this.#known(node))) {
      throw new DriftlessError('members-conflict', `${node} is leaving, or has left.`);
    }
    if (node === by || memberOf(this.#list, by)?.state === 'leaving') {
      throw new DriftlessError('members-conflict', `${by} cannot take the place of ${node}.`);
    }
    this.#take(withReplaced(this.#list, node, by));
  }

  /** Moves states on by what is known of the shards; `holds`: replicas on a node by its own word. */
  advance(shards: readonly ShardFacts[], holds: (node: string) => number | undefined): void {
    let list = this.#list;
    for (const member of list) {
      const state = nextMemberState(member, this.#wanted, shards, holds(member.node));
      list = withState(list, member.node, state);
    }
    this.#take(list);
  }

  #known(node: string): string {
    if (memberOf(this.#list, node)) return node;
    throw new DriftlessError('not-found', `The cluster has no member ${node}.`);
  }

  #take(list: MemberList): void {
    if (sameMembers(list, this.#list)) return;
    this.#list = list;
    this.#wanted = this.#placement(list);
    this.#parts.file.save(list);
  }

  #placement(list: MemberList): string[][] {
    const { shardCount, replicationFactor } = this.#parts;
    return wantedPlacement(list, shardCount, replicationFactor);
  }
}
