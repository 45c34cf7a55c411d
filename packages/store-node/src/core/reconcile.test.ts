import { majorityOf } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextStep, type Situation, type Step } from './reconcile.ts';

const all = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const situation = (members: string, wanted: string, more: Partial<Situation> = {}): Situation => ({
  self: 'a',
  members: [...members],
  wanted: [...wanted],
  settled: true,
  keepingUp: new Set(all.slice(1)),
  alive: new Set(all.slice(1)),
  mayInvite: true,
  ...more,
});
const only = (nodes: string): Set<string> => new Set(nodes);

/** A step in a few letters. */
function short(step: Step): string {
  switch (step.kind) {
    case 'change':
      return step.members.join('');
    case 'invite':
      return `invite ${step.node}`;
    case 'hand-over':
      return `hand over to ${step.to}`;
    default:
      return step.kind;
  }
}

describe('the next step of a replica set', () => {
  it.each<[string, Situation, string]>([
    ['as it should be, in any order', situation('abc', 'cab'), 'rest'],
    ['no list of members known', situation('abc', ''), 'rest'],
    ['M2 the last change is not settled', situation('abc', 'abd', { settled: false }), 'wait'],
    [
      'M3 somebody is missing and has no copy',
      situation('abc', 'abd', { keepingUp: only('bc') }),
      'invite d',
    ],
    ['M3 somebody is missing and keeps up', situation('abc', 'abd'), 'abcd'],
    [
      'M3 nobody is added who is silent',
      situation('abc', 'abd', { keepingUp: only('bc'), alive: only('bc') }),
      'wait',
    ],
    [
      'M3 of two that are missing the one that is there',
      situation('ab', 'abde', { keepingUp: only('b'), alive: only('be') }),
      'invite e',
    ],
    [
      'M6 too many shards move already',
      situation('abc', 'abd', { keepingUp: only('bc'), mayInvite: false }),
      'wait',
    ],
    ['M3 one too many, and good', situation('abcd', 'abd'), 'abd'],
    [
      'M3 one too many, and good, but another is not',
      situation('abcd', 'abd', { keepingUp: only('bc') }),
      'wait',
    ],
    ['M3 one too many, and lost', situation('abcd', 'abd', { keepingUp: only('bd') }), 'abd'],
    ['M3 two too many: the lost one goes first', situation('abcd', 'abe', { keepingUp: only('bc') }), 'abc'],
    ['M3 a lost one is replaced', situation('abc', 'abd', { keepingUp: only('bd') }), 'abcd'],
    [
      'M3 without a majority that keeps up nobody is added',
      situation('abc', 'abd', { keepingUp: only('d') }),
      'wait',
    ],
    ['M4 we are the one too many', situation('abcd', 'bcd'), 'hand over to b'],
    [
      'M4 we are, and the first choice is behind',
      situation('abcd', 'bcd', { keepingUp: only('cd') }),
      'hand over to c',
    ],
    ['M4 we are, and nobody keeps up', situation('abcd', 'bcd', { keepingUp: only('') }), 'wait'],
    ['M1 two are missing: one at a time', situation('abc', 'ade'), 'abcd'],
    ['a cluster that grows into its replication factor', situation('ab', 'abc'), 'abc'],
    ['a cluster of one', situation('a', 'ab'), 'ab'],
  ])('%s', (_, given, expected) => {
    expect(short(nextStep(given))).toBe(expected);
  });

  const set = (min: number) => fc.uniqueArray(fc.constantFrom(...all), { minLength: min, maxLength: 5 });

  it('M1, M3, M5 changes one node at a time, moves only what must, never has too few, and ends', () => {
    fc.assert(
      fc.property(set(1), set(1), fc.infiniteStream(fc.boolean()), (from, wanted, coins) => {
        let [members, self] = [from, from[0] as string];
        const learners = new Set<string>();
        const fewest = Math.min(from.length, wanted.length);
        const steps = 4 * (from.length + wanted.length) + 4;
        for (let i = 0; i < steps * 4; i += 1) {
          // Half of the time somebody is away; towards the end all are there.
          const away = i < steps * 2 && coins.next().value ? all[i % all.length] : undefined;
          const there = (nodes: Iterable<string>) =>
            new Set([...nodes].filter((n) => n !== self && n !== away));
          const keepingUp = there([...members, ...learners]);
          const settled = i >= steps * 2 || Boolean(coins.next().value);
          const more = { self, settled, keepingUp, alive: there(all) };
          const step = nextStep({ ...situation('', ''), members, wanted, ...more });
          if (step.kind === 'invite') {
            expect(wanted).toContain(step.node);
            learners.add(step.node);
          }
          if (step.kind === 'hand-over') {
            expect(members).toContain(step.to);
            self = step.to;
          }
          if (step.kind !== 'change') continue;
          expect(settled).toBe(true);
          const added = step.members.filter((node) => !members.includes(node));
          const removed = members.filter((node) => !step.members.includes(node));
          expect(added.length + removed.length).toBe(1);
          for (const node of added) expect(wanted).toContain(node);
          for (const node of removed) expect(wanted).not.toContain(node);
          expect(step.members.length).toBeGreaterThanOrEqual(fewest);
          expect(step.members).toContain(self);
          members = step.members;
        }
        expect([...members].sort()).toEqual([...wanted].sort());
      }),
    );
  });

  it('M1 majorities of two sets in a row always meet', () => {
    const subsets = (nodes: readonly string[]): string[][] =>
      nodes.reduce<string[][]>((sets, node) => sets.concat(sets.map((one) => one.concat(node))), [[]]);
    const majorities = (nodes: readonly string[]) =>
      subsets(nodes).filter(({ length }) => length === majorityOf(nodes.length));
    for (let size = 1; size <= 6; size += 1) {
      const [before, after] = [all.slice(0, size), all.slice(0, size + 1)];
      for (const one of majorities(before)) {
        for (const other of majorities(after)) expect(one.some((node) => other.includes(node))).toBe(true);
      }
    }
  });
});
