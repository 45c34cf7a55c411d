/**
 * What the placement of the store (contracts/src/placement.ts, membership.ts) comes to on many nodes: how
 * even it is, what a change of the list of members moves, and what goes with nodes that die.
 */
import { majorityOf, shardOf } from '@driftless/contracts';
import { type Spread, spreadOf } from './numbers.ts';
import type { Placement } from './shape.ts';

export interface Balance {
  copies: Spread;
  leaders: Spread;
}

export function balanceOf(placement: Placement, nodes: readonly string[]): Balance {
  return { copies: spreadOf(copiesOf(placement, nodes)), leaders: spreadOf(leadersOf(placement, nodes)) };
}

/** Copies on each node. */
export function copiesOf(placement: Placement, nodes: readonly string[]): number[] {
  return countOf(nodes, placement.flat());
}

function leadersOf(placement: Placement, nodes: readonly string[]): number[] {
  return countOf(
    nodes,
    placement.map(([leader]) => leader as string),
  );
}

function countOf(nodes: readonly string[], found: readonly string[]): number[] {
  const counts = new Map(nodes.map((node) => [node, 0]));
  for (const node of found) counts.set(node, (counts.get(node) ?? 0) + 1);
  return nodes.map((node) => counts.get(node) as number);
}

export interface Moves {
  /** Copies that have to be made. */
  copies: number;
  /** Shards whose preferred leader is another one. */
  leaders: number;
  /** Of these, shards whose old leader still holds a copy: only the counting of leaderships moved them. */
  leadersByCounting: number;
}

export function movesBetween(before: Placement, after: Placement): Moves {
  const moves = { copies: 0, leaders: 0, leadersByCounting: 0 };
  for (const [shard, set] of after.entries()) {
    const old = before[shard] as readonly string[];
    const [leader] = old as [string];
    moves.copies += set.filter((node) => !old.includes(node)).length;
    if (set[0] === leader) continue;
    moves.leaders += 1;
    const staysWithoutNewcomer = set.includes(leader) && old.includes(set[0] as string);
    if (staysWithoutNewcomer) moves.leadersByCounting += 1;
  }
  return moves;
}

/**
 * Leaders on each of the others after `dead` died: the next in the order of a shard takes its lease, since
 * each place in that order waits longer (`rankDelayMs`).
 */
export function leadersWithout(placement: Placement, nodes: readonly string[], dead: string): number[] {
  const living = nodes.filter((node) => node !== dead);
  const sets = placement.map((set) => set.filter((node) => node !== dead));
  return leadersOf(sets, living);
}

/** Of all pairs of nodes, those without which some shard has no majority, and the most shards of one pair. */
export function pairsThatHurt(placement: Placement, nodes: readonly string[]) {
  const shards = new Map<string, number>();
  for (const set of placement) {
    for (const [i, one] of set.entries()) {
      for (const other of set.slice(i + 1)) {
        if (set.length - 2 >= majorityOf(set.length)) continue;
        const pair = [one, other].sort().join(' ');
        shards.set(pair, (shards.get(pair) ?? 0) + 1);
      }
    }
  }
  const pairs = (nodes.length * (nodes.length - 1)) / 2;
  return { pairs, hurting: shards.size, shardsMost: Math.max(0, ...shards.values()) };
}

/**
 * Shards that lose something with a zone, when nodes are dealt to zones in turn and nobody has told the
 * placement of zones: the most over zones.
 */
export function zoneLoss(placement: Placement, nodes: readonly string[], zones: number) {
  const zoneOf = new Map(nodes.map((node, i) => [node, i % zones]));
  const losses = Array.from({ length: zones }, (_, zone) => {
    const left = placement.map((set) => set.filter((node) => zoneOf.get(node) !== zone).length);
    return {
      majority: left.filter((copies, shard) => copies < majorityOf((placement[shard] ?? []).length)).length,
      all: left.filter((copies) => copies === 0).length,
    };
  });
  return {
    majority: Math.max(...losses.map(({ majority }) => majority)),
    all: Math.max(...losses.map(({ all }) => all)),
  };
}

/** Keys that the hash gives to each shard, of keys as people name them. */
export function keysByShard(keys: number, shards: number): number[] {
  const counts = new Uint32Array(shards);
  for (let i = 0; i < keys; i += 1) {
    const shard = shardOf(`user/${i}`, shards);
    counts[shard] = (counts[shard] as number) + 1;
  }
  return [...counts];
}
