/**
 * When a member's state moves on by itself (SPEC.md, M7): one that joined has what it should have, or one
 * that leaves has nothing any more that a shard counts on. Judged by what the shards' leaders tell, all of
 * them.
 */
import type { Member } from '@driftless/contracts';

/** A shard as its leader tells it; `undefined` when none is heard. */
export type ShardFacts =
  | { members: readonly string[]; settled: boolean; invited?: string | undefined }
  | undefined;

/** `holds`: replicas on the node by its own word; undefined when it is not heard of. */
export function nextMemberState(
  { node, state }: Member,
  wanted: readonly (readonly string[])[],
  shards: readonly ShardFacts[],
  holds: number | undefined,
): Member['state'] {
  if (state === 'joining') {
    const has = wanted.every(
      (nodes, shard) => !nodes.includes(node) || shards[shard]?.members.includes(node),
    );
    return has && holds !== undefined ? 'member' : state;
  }
  if (state !== 'leaving') return state;
  const counts = wanted.some((_, shard) => {
    const facts = shards[shard];
    return !facts?.settled || facts.members.includes(node) || facts.invited === node;
  });
  return counts || (holds ?? 0) > 0 ? state : 'left';
}
