/**
 * Which members hold a shard: rendezvous (highest random weight) hashing — Thaler and Ravishankar, 1998. Each
 * member gets a score per shard; the highest `factor` scores are the replica set. A member that joins or
 * leaves moves only the shards it wins or held. Preferred leaders are picked among each replica set so that
 * every member leads about as many shards as the others: with few shards the hash alone leaves some with
 * none.
 */
import { Buffer } from 'node:buffer';
import { murmur3 } from './keys.ts';

export const replicationFactorDefault = 3;

/** Member ids in order of preference; all of them when there are fewer than `factor`. */
export function replicasOf(
  shard: number,
  members: readonly string[],
  factor = replicationFactorDefault,
): string[] {
  return members
    .map((member) => ({ member, score: murmur3(Buffer.from(`${member}/${shard}`)) }))
    .sort((a, b) => b.score - a.score || (a.member < b.member ? -1 : 1))
    .slice(0, factor)
    .map(({ member }) => member);
}

/**
 * The preferred leader of each shard, by shard number, as the replica sets are: shard by shard, the replica
 * that leads the fewest shards so far, and among equals the one with the highest score.
 */
export function preferredLeaders(sets: readonly (readonly string[])[]): string[] {
  const led = new Map<string, number>();
  return sets.map(([first, ...others]) => {
    if (first === undefined) throw new RangeError('A shard needs at least one member.');
    const load = (member: string): number => led.get(member) ?? 0;
    const leader = others.reduce((best, member) => (load(member) < load(best) ? member : best), first);
    led.set(leader, load(leader) + 1);
    return leader;
  });
}

/** Replicas that must have applied a write before `ack=majority` answers. */
export function majorityOf(replicas: number): number {
  return Math.floor(replicas / 2) + 1;
}
