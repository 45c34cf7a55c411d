import { describe, expect, it } from 'vitest';
import { nextMemberState, type ShardFacts } from './member-state.ts';

const member = (state: 'joining' | 'member' | 'leaving' | 'left') =>
  ({ node: 'd', state, place: 'd', version: 1 }) as const;
const facts = (members: string, settled = true, invited?: string): ShardFacts => ({
  members: [...members],
  settled,
  invited,
});

describe('M7 the state of a member', () => {
  it.each<[string, 'joining' | 'leaving', string[], ShardFacts[], number | undefined, string]>([
    [
      'joins when it has what it should have',
      'joining',
      ['abd', 'abc'],
      [facts('abd'), facts('abc')],
      1,
      'member',
    ],
    ['is joining while it lacks one', 'joining', ['abd', 'abd'], [facts('abd'), facts('abc')], 1, 'joining'],
    ['is joining while a leader is not heard', 'joining', ['abd'], [undefined], 1, 'joining'],
    ['is joining while it is not heard itself', 'joining', ['abc'], [facts('abc')], undefined, 'joining'],
    ['joins without shards', 'joining', ['abc'], [facts('abc')], 0, 'member'],
    [
      'has left when nothing counts on it',
      'leaving',
      ['abc', 'abe'],
      [facts('abc'), facts('abe')],
      0,
      'left',
    ],
    ['has left although nobody hears of it', 'leaving', ['abc'], [facts('abc')], undefined, 'left'],
    ['is leaving while a set has it', 'leaving', ['abc'], [facts('abd')], 0, 'leaving'],
    ['is leaving while a removal is not settled', 'leaving', ['abc'], [facts('abc', false)], 0, 'leaving'],
    ['is leaving while it is invited', 'leaving', ['abc'], [facts('abc', true, 'd')], 0, 'leaving'],
    ['is leaving while a leader is not heard', 'leaving', ['abc', 'abc'], [facts('abc')], 0, 'leaving'],
    ['is leaving while it holds a copy', 'leaving', ['abc'], [facts('abc')], 1, 'leaving'],
  ])('%s', (_, state, wanted, shards, holds, expected) => {
    const sets = wanted.map((nodes) => [...nodes]);
    expect(nextMemberState(member(state), sets, shards, holds)).toBe(expected);
  });

  it('stays by itself otherwise', () => {
    expect(nextMemberState(member('left'), [['d']], [facts('d')], 1)).toBe('left');
    expect(nextMemberState(member('member'), [['a']], [facts('a')], 0)).toBe('member');
  });
});
