import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  foundingMembers,
  type Member,
  type MemberList,
  memberOf,
  memberStates,
  mergeMembers,
  sameMembers,
  stayingMembers,
  wantedPlacement,
  withReplaced,
  withStarted,
  withState,
} from './membership.ts';

const nodes = ['a', 'b', 'c', 'd', 'e', 'f'];
const member: fc.Arbitrary<Member> = fc.record({
  node: fc.constantFrom(...nodes),
  state: fc.constantFrom(...memberStates),
  place: fc.constantFrom(...nodes),
  version: fc.nat(3),
});
const list: fc.Arbitrary<MemberList> = fc
  .uniqueArray(member, { selector: ({ node }) => node })
  .map((members) => mergeMembers([], members));
const founded = foundingMembers(['a', 'b', 'c']);
const states = (members: MemberList) => members.map(({ node, state }) => `${node} ${state}`);

describe('lists of members that meet', () => {
  it('come to the same, in whatever order and however often they meet', () => {
    fc.assert(
      fc.property(list, list, list, (a, b, c) => {
        expect(mergeMembers(a, b)).toEqual(mergeMembers(b, a));
        expect(mergeMembers(mergeMembers(a, b), c)).toEqual(mergeMembers(a, mergeMembers(b, c)));
        expect(mergeMembers(a, a)).toEqual(a);
        expect(sameMembers(a, mergeMembers(a, a))).toBe(true);
        expect(sameMembers(a, b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });

  it('keep changes of different members, whoever made them', () => {
    const here = withState(founded, 'a', 'leaving');
    const there = withStarted(founded, 'd');
    expect(states(mergeMembers(here, there))).toEqual(['a leaving', 'b member', 'c member', 'd joining']);
  });

  it('let the later change of a member win, and at once the one that is further on the way out', () => {
    const leaving = withState(founded, 'a', 'leaving');
    const left = withState(leaving, 'a', 'left');
    expect(memberOf(mergeMembers(left, leaving), 'a')?.state).toBe('left');
    const joined = withStarted(left, 'a');
    expect(memberOf(mergeMembers(joined, left), 'a')?.state).toBe('joining');
    const both = mergeMembers(withState(joined, 'a', 'member'), withState(joined, 'a', 'leaving'));
    expect(memberOf(both, 'a')?.state).toBe('leaving');
  });
});

describe('a member', () => {
  it('joins by starting, once; a founder has joined already', () => {
    const joined = withStarted(founded, 'd');
    expect(memberOf(joined, 'd')).toEqual({ node: 'd', state: 'joining', place: 'd', version: 0 });
    expect(withStarted(joined, 'd')).toBe(joined);
    expect(withStarted(founded, 'a')).toBe(founded);
  });

  it('that is leaving goes on leaving when it starts again; one that has left joins anew', () => {
    const leaving = withState(founded, 'a', 'leaving');
    expect(withStarted(leaving, 'a')).toBe(leaving);
    const again = withStarted(withState(leaving, 'a', 'left'), 'a');
    expect(memberOf(again, 'a')).toMatchObject({ state: 'joining', version: 3 });
  });

  it('that is named before it has started has the place that it was named for', () => {
    const started = withStarted(founded, 'd');
    const named = withReplaced(founded, 'a', 'd');
    expect(memberOf(mergeMembers(started, named), 'd')?.place).toBe('a');
  });

  it('that is replaced gives its place to the other, and finds a free one should it come back', () => {
    const replaced = withReplaced(founded, 'a', 'd');
    expect(memberOf(replaced, 'd')).toMatchObject({ state: 'joining', place: 'a' });
    expect(memberOf(replaced, 'a')).toMatchObject({ state: 'leaving', place: 'd' });
    const back = withStarted(withState(replaced, 'a', 'left'), 'a');
    const places = stayingMembers(back).map(({ place }) => place);
    expect(new Set(places).size).toBe(4);
  });
});

describe('the wanted replica sets', () => {
  const setsOf = (members: MemberList) => wantedPlacement(members, 64, 3).map((set) => [...set].sort());

  it('have nobody that leaves or has left', () => {
    fc.assert(
      fc.property(list, (members) => {
        const staying = stayingMembers(members).map(({ node }) => node);
        for (const set of wantedPlacement(members, 8, 3)) {
          expect(set.every((node) => staying.includes(node))).toBe(true);
          expect(new Set(set).size).toBe(set.length);
        }
      }),
    );
  });

  it('of a cluster where one is replaced are those before, with the other in its place', () => {
    const before = foundingMembers(['a', 'b', 'c', 'd', 'e']);
    const by = (set: readonly string[]) => set.map((node) => (node === 'b' ? 'f' : node)).sort();
    expect(setsOf(withReplaced(before, 'b', 'f'))).toEqual(setsOf(before).map(by));
    // Started first, it has had shards of its own; they go back.
    expect(setsOf(withReplaced(withStarted(before, 'f'), 'b', 'f'))).toEqual(setsOf(before).map(by));
  });

  it('change for one that joins or leaves only where it is', () => {
    const before = foundingMembers(['a', 'b', 'c', 'd']);
    const [old, grown] = [setsOf(before), setsOf(withStarted(before, 'e'))];
    grown.forEach((set, shard) => {
      if (!set.includes('e')) expect(set).toEqual(old[shard]);
      else expect(set.filter((node) => !old[shard]?.includes(node))).toEqual(['e']);
    });
  });

  it('are as large as the members allow', () => {
    expect(wantedPlacement(foundingMembers(['a', 'b']), 2, 3).map(({ length }) => length)).toEqual([2, 2]);
    expect(wantedPlacement([], 2, 3)).toEqual([[], []]);
  });
});
