import { foundingMembers, wantedPlacement } from '@driftless/contracts';
import { describe, expect, it } from 'vitest';
import { changesOf, needlessCopies } from './changes.ts';
import {
  balanceOf,
  copiesOf,
  keysByShard,
  leadersWithout,
  movesBetween,
  pairsThatHurt,
  zoneLoss,
} from './placement.ts';
import { namesOf, placementOf } from './shape.ts';

const nodes = ['a', 'b', 'c', 'd'];
const placement = [
  ['a', 'b', 'c'],
  ['a', 'c', 'd'],
  ['b', 'c', 'd'],
];

describe('a placement', () => {
  it('gives each node its copies and leaderships, none included', () => {
    expect(copiesOf(placement, [...nodes, 'e'])).toEqual([2, 2, 3, 2, 0]);
    expect(balanceOf(placement, nodes).leaders).toMatchObject({ least: 0, most: 2, mean: 0.75 });
  });

  it('moves what is new, and leaderships by counting where both had a copy', () => {
    const after = [
      ['b', 'a', 'c'],
      ['e', 'c', 'd'],
      ['b', 'c', 'd'],
    ];
    expect(movesBetween(placement, after)).toEqual({ copies: 1, leaders: 2, leadersByCounting: 1 });
    expect(movesBetween(placement, placement)).toEqual({ copies: 0, leaders: 0, leadersByCounting: 0 });
  });

  it('is led by the next in turn when a node dies', () => {
    expect(leadersWithout(placement, nodes, 'a')).toEqual([2, 1, 0]);
  });

  it('is hurt by pairs that are a majority of three, and by none of five', () => {
    expect(pairsThatHurt(placement, nodes)).toEqual({ pairs: 6, hurting: 6, shardsMost: 2 });
    expect(pairsThatHurt([['a', 'b', 'c', 'd', 'e']], [...nodes, 'e']).hurting).toBe(0);
  });

  it('loses majorities and copies with a zone', () => {
    // Zones: a and c, b and d.
    expect(zoneLoss(placement, nodes, 2)).toEqual({ majority: 2, all: 0 });
    expect(zoneLoss([['a', 'c']], nodes, 2)).toEqual({ majority: 1, all: 1 });
  });
});

it('every key falls into one shard', () => {
  const counts = keysByShard(1000, 8);
  expect(counts).toHaveLength(8);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1000);
});

describe('a change of the members', () => {
  const shape = { nodes: 20, shards: 60, factor: 3, gateways: 1, antiEntropy: 1 };

  it('is placed as the store places it, and moves no copy between nodes that stay', () => {
    const changes = changesOf(shape);
    const names = [...namesOf(20), 'node-21'];
    expect(changes[0]?.after).toEqual(wantedPlacement(foundingMembers(names), 60, 3));
    expect(changes.map(({ needless }) => needless)).toEqual([0, 0, 0, 0, 0, 0]);
    for (const { moves, before } of changes) {
      expect(moves.copies).toBeGreaterThan(0);
      expect(before).toBe(placementOf(shape));
    }
  });

  it('has needless copies when nodes that stay swap them', () => {
    const after = [['a', 'b', 'd'], ...placement.slice(1)];
    expect(needlessCopies(placement, after, [], [])).toBe(1);
    expect(needlessCopies(placement, after, [], ['c'])).toBe(0);
    expect(needlessCopies(placement, after, ['d'], [])).toBe(0);
  });
});
