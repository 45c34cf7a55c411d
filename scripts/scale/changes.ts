/** What an operator may do to the list of members, and where the store then wants the shards. */
import {
  foundingMembers,
  type MemberList,
  wantedPlacement,
  withReplaced,
  withStarted,
  withState,
} from '@driftless/contracts';
import { type Moves, movesBetween } from './placement.ts';
import { type Rebalanced, type RebalanceLimits, rebalance } from './rebalance.ts';
import { namesOf, type Placement, placementOf, type Shape } from './shape.ts';

export interface Change {
  what: string;
  before: Placement;
  after: Placement;
  moves: Moves;
  /** Copies that newcomers would have by an even share, or that leavers had. */
  dueCopies: number;
  /** Copies made on a node that did not come, of shards that no node which goes has held. */
  needless: number;
}

/** One node, and ten, that join, leave, or take the place of others. */
export function changesOf(shape: Shape): Change[] {
  return [1, 10].flatMap((count) => {
    const list = foundingMembers(namesOf(shape.nodes));
    const newcomers = namesOf(shape.nodes + count).slice(shape.nodes);
    const leavers = someOf(namesOf(shape.nodes), count);
    const joined = newcomers.reduce<MemberList>(withStarted, list);
    const left = leavers.reduce<MemberList>((made, node) => withState(made, node, 'leaving'), list);
    const replaced = leavers.reduce<MemberList>(
      (made, node, i) => withReplaced(made, node, newcomers[i] as string),
      list,
    );
    const share = (shape.shards * shape.factor * count) / (shape.nodes + count);
    const many = count === 1 ? 'One node' : `${count} nodes at once`;
    return [
      changeOf(shape, `${many}: join`, joined, [newcomers, []], share),
      changeOf(shape, `${many}: leave`, left, [[], leavers]),
      changeOf(shape, `${many}: replaced`, replaced, [newcomers, leavers]),
    ];
  });
}

/** Evenly from the list: which ones does not matter to a hash. */
function someOf(names: readonly string[], count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) => names[Math.floor(((i + 0.5) * names.length) / count)] as string,
  );
}

function changeOf(
  shape: Shape,
  what: string,
  next: MemberList,
  [newcomers, leavers]: [readonly string[], readonly string[]],
  share?: number,
): Change {
  const before = placementOf(shape);
  const after = wantedPlacement(next, shape.shards, shape.factor);
  const held = before.flat().filter((node) => leavers.includes(node)).length;
  return {
    what,
    before,
    after,
    moves: movesBetween(before, after),
    dueCopies: share ?? held,
    needless: needlessCopies(before, after, newcomers, leavers),
  };
}

export function needlessCopies(
  before: Placement,
  after: Placement,
  newcomers: readonly string[],
  leavers: readonly string[],
): number {
  return after.reduce((sum, set, shard) => {
    const old = before[shard] as readonly string[];
    const made = set.filter((node) => !old.includes(node));
    const elsewhere = made.filter((node) => !newcomers.includes(node)).length;
    const lost = old.filter((node) => leavers.includes(node)).length;
    return sum + Math.max(0, elsewhere - lost);
  }, 0);
}

export function rebalanceOf({ before, after }: Change, limits: RebalanceLimits, copyMs: number): Rebalanced {
  return rebalance({ before, after, limits, copyMs });
}
