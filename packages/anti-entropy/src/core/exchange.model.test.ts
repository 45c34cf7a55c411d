/**
 * Exchanges against brute force: replicas in memory that drift in every way, in a world that goes on writing
 * while they ask each other (testing/). The numbers are those of SPEC.md.
 */
import { bucketOf } from '@driftless/contracts';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { isOrphan } from './decide.ts';
import { exchange } from './exchange.ts';
import { breakBy, type Mutant } from './mutants.ts';
import type { Repair } from './ports.ts';
import { bucketRungKinds, type DriftKind, driftKinds } from './testing/drift.ts';
import { asPeer, type MemoryReplica } from './testing/replica.ts';
import { captured, type Drift, diff, dump, heal, keys, limits, Scene } from './testing/scene.ts';
import type { Dice } from './testing/world.ts';

/** Dice by a seed (mulberry32), so that a failure names all that was left to chance. */
const dice = fc.integer({ min: 0, max: 2 ** 31 }).map((seed): Dice => {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return { below: (count) => next() % count };
});
const anyDrift = drifts(driftKinds);
/** Without what only the rung `bucket` heals. */
const keyDrift = drifts(driftKinds.filter((kind) => !bucketRungKinds.includes(kind)));

function drifts(kinds: readonly DriftKind[]): fc.Arbitrary<Drift[]> {
  const one = fc.record({ kind: fc.constantFrom(...kinds), key: fc.constantFrom(...keys, 'an-alien-key') });
  return fc.array(one, { minLength: 1, maxLength: 8 });
}

afterEach(() => breakBy(undefined));

const writes = fc.nat({ max: 40 });

describe('two replicas at rest', () => {
  it('X9 are equal after one exchange with a trusted peer, whatever the drift was', async () => {
    await fc.assert(
      fc.asyncProperty(dice, keyDrift, async (from, list) => {
        const scene = new Scene(from);
        scene.drift(scene.ours, list);
        const result = await scene.run();
        expect(result).toMatchObject({ outcome: 'equal', position: scene.world.history.position });
        expect(Object.values(result.left).every((count) => count === 0)).toBe(true);
        expect(scene.world.wrongKeys(scene.ours)).toEqual([]);
        expect(dump(scene.ours)).toEqual(dump(scene.theirs));
      }),
    );
  });

  it('X9 what keys alone do not heal, buckets do', async () => {
    await fc.assert(
      fc.asyncProperty(dice, anyDrift, async (from, list) => {
        const scene = new Scene(from);
        scene.drift(scene.ours, list);
        await scene.run();
        expect(await scene.run({ ...heal, rung: 'bucket' })).toMatchObject({ outcome: 'equal' });
        expect(scene.world.wrongKeys(scene.ours)).toEqual([]);
        expect(dump(scene.ours)).toEqual(dump(scene.theirs));
      }),
      { numRuns: 50 },
    );
  });

  it('X3 a diff finds exactly the keys that a look at every row finds, and changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(dice, keyDrift, fc.boolean(), async (from, list, onPeer) => {
        const scene = new Scene(from);
        const wrong = onPeer ? scene.theirs : scene.ours;
        scene.drift(wrong, list);
        const before = [dump(scene.ours), dump(scene.theirs)];
        const buckets = scene.world.scrub(wrong);
        const result = await scene.run({ ...diff, buckets });
        const expected = scene.world.differingKeys(scene.ours, scene.theirs);
        expect(result.differences.map(({ key }) => key).sort()).toEqual(expected);
        expect(result.counts).toMatchObject({ found: expected.length, healed: 0, leaves: 0 });
        const actions = new Set(result.differences.map(({ action }) => action));
        for (const action of actions) expect(onPeer ? ['keep'] : ['take', 'remove']).toContain(action);
        expect([dump(scene.ours), dump(scene.theirs)]).toEqual(before);
        const isEqual = before[0]?.join() === before[1]?.join() && buckets.length === 0;
        expect(result.outcome).toBe(isEqual ? 'equal' : 'different');
      }),
    );
  });

  it('X7 no exchange heals past its budget, what is left is told, and the next ones heal it', async () => {
    const budget = fc.record({
      keysMax: fc.integer({ min: 1, max: 4 }),
      bytesMax: fc.integer({ min: 9, max: 30 }),
    });
    await fc.assert(
      fc.asyncProperty(dice, keyDrift, budget, async (from, list, { keysMax, bytesMax }) => {
        const scene = new Scene(from);
        scene.drift(scene.ours, list);
        for (let round = 0; round < 20; round += 1) {
          const wrong = scene.world.wrongKeys(scene.ours).length;
          const { outcome, counts, left } = await scene.run({ ...heal, keysMax, bytesMax });
          expect(counts.healed).toBeLessThanOrEqual(keysMax);
          expect(counts.bytesShipped).toBeLessThanOrEqual(bytesMax);
          if (outcome === 'equal') break;
          expect(outcome).toBe('different');
          expect(left.budget).toBeGreaterThan(0);
          expect(scene.world.wrongKeys(scene.ours).length).toBeLessThan(wrong);
        }
        expect(scene.world.wrongKeys(scene.ours)).toEqual([]);
        expect(dump(scene.ours)).toEqual(dump(scene.theirs));
      }),
    );
  });

  it('X8 a key that is stopped is left alone and told', async () => {
    await fc.assert(
      fc.asyncProperty(dice, keyDrift, fc.subarray(keys), async (from, list, stopped) => {
        const scene = new Scene(from);
        scene.drift(scene.ours, list);
        const wrong = scene.world.differingKeys(scene.ours, scene.theirs);
        for (const key of stopped) scene.ours.stopped.add(key);
        const { differences, left } = await scene.run();
        const left8 = wrong.filter((key) => stopped.includes(key));
        expect(scene.world.differingKeys(scene.ours, scene.theirs)).toEqual(left8);
        expect(left.stopped).toBe(left8.length);
        const told = differences.filter(({ action }) => action === 'stopped').map(({ key }) => key);
        expect(told.sort()).toEqual(left8);
      }),
      { numRuns: 50 },
    );
  });

  it('X5 what a repair overwrites or removes is in quarantine', async () => {
    await fc.assert(
      fc.asyncProperty(dice, keyDrift, async (from, list) => {
        const scene = new Scene(from);
        scene.drift(scene.ours, list);
        const wrong = scene.world.differingKeys(scene.ours, scene.theirs);
        const before = wrong.flatMap((key) => scene.ours.rows.get(key) ?? []);
        await scene.run();
        expect(new Set(scene.ours.quarantine)).toEqual(new Set(before));
      }),
      { numRuns: 50 },
    );
  });
});

describe('while the world goes on', () => {
  it('no drift is no alarm: equal or not comparable, nothing found, nothing repaired', async () => {
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(dice, writes, fc.nat({ max: 5 }), async (from, writesLeft, lag) => {
        const scene = new Scene(from);
        scene.world.writesLeft = writesLeft;
        for (let i = 0; i < lag; i += 1) scene.world.happens();
        const suspect = keys.filter((_, i) => i % 2 === 0).map(bucketOf);
        const result = await scene.run({ ...heal, buckets: suspect });
        expect(['equal', 'not-comparable']).toContain(result.outcome);
        expect(result.counts).toMatchObject({ found: 0, healed: 0, leaves: 0 });
        expect(scene.ours.repaired).toEqual([]);
        outcomes.add(result.outcome);
      }),
    );
    expect(outcomes).toContain('equal');
  });

  it('X4, X5 every repair puts the row there that belongs there, and in the end all is equal', async () => {
    await fc.assert(
      fc.asyncProperty(dice, keyDrift, writes, async (from, list, writesLeft) => {
        const scene = new Scene(from);
        scene.drift(scene.ours, list);
        scene.world.writesLeft = writesLeft;
        const wrong: string[] = [];
        afterRepairs(scene.ours, (repairs) => {
          const now = scene.world.wrongKeys(scene.ours);
          wrong.push(...repairs.map(({ key }) => key).filter((key) => now.includes(key)));
        });
        await scene.run();
        expect(wrong).toEqual([]);
        scene.rest();
        expect(await scene.run()).toMatchObject({ outcome: 'equal' });
        expect(scene.world.wrongKeys(scene.ours)).toEqual([]);
        expect(dump(scene.ours)).toEqual(dump(scene.theirs));
      }),
    );
  });

  it('X10 no row is taken that has rotted on the peer before anybody knew', async () => {
    await fc.assert(
      fc.asyncProperty(dice, keyDrift, fc.subarray(keys), writes, async (from, list, rotten, writesLeft) => {
        const scene = new Scene(from, 30, 3);
        const good = scene.world.replicas[2] as MemoryReplica;
        scene.drift(scene.ours, list);
        scene.drift(
          scene.theirs,
          rotten.map((key) => ({ kind: 'flipped-value', key })),
        );
        scene.world.writesLeft = writesLeft;
        const wrong: string[] = [];
        afterRepairs(scene.ours, (repairs) => {
          const now = scene.world.wrongKeys(scene.ours);
          wrong.push(...repairs.map(({ key }) => key).filter((key) => now.includes(key)));
        });
        await scene.run();
        expect(wrong).toEqual([]);
        scene.rest();
        await exchangeOf(scene, scene.theirs, good, 'key');
        await exchangeOf(scene, scene.ours, scene.theirs, 'key');
        expect(scene.world.wrongKeys(scene.ours)).toEqual([]);
        expect(dump(scene.ours)).toEqual(dump(good));
      }),
    );
  });

  it('X9 drift that comes while an exchange is under way is healed by the next', async () => {
    await fc.assert(
      fc.asyncProperty(dice, keyDrift, keyDrift, writes, async (from, first, second, writesLeft) => {
        const scene = new Scene(from);
        scene.drift(scene.ours, first);
        scene.world.writesLeft = writesLeft;
        const under = scene.run();
        for (let turns = from.below(60); turns > 0; turns -= 1) await undefined;
        scene.drift(scene.ours, second);
        await under;
        scene.rest();
        expect(await scene.run()).toMatchObject({ outcome: 'equal' });
        expect(scene.world.wrongKeys(scene.ours)).toEqual([]);
        expect(dump(scene.ours)).toEqual(dump(scene.theirs));
      }),
    );
  });
});

/** Ours drifts or not, the peer is away now and then, and batches are written all the while. */
async function sayEqual(from: Dice, list: readonly Drift[], writesLeft: number): Promise<void> {
  const scene = new Scene(from);
  scene.drift(scene.ours, list);
  scene.world.writesLeft = writesLeft;
  const [ours, theirs] = [captured(scene.ours), captured(scene.theirs)];
  const { outcome, position, reason } = await scene.run(
    heal,
    asPeer(scene.theirs, () => from.below(15) === 0),
  );
  if (outcome === 'not-comparable') expect(reason).toMatch(/^[A-Z].+\.?$/);
  if (outcome !== 'equal') return;
  const [mine, yours] = [ours.at(-1), theirs.at(-1)];
  expect(mine?.position).toEqual(position);
  expect(yours?.position).toEqual(position);
  const leaves = scene.ours.leaves(mine?.id ?? '');
  expect(leaves?.bytes()).toEqual(scene.theirs.leaves(yours?.id ?? '')?.bytes());
}

/** Ours is right, the peer is not: ours stays as it is. */
async function staysRight(from: Dice, list: readonly Drift[]): Promise<void> {
  const scene = new Scene(from);
  scene.drift(scene.theirs, list);
  const before = dump(scene.ours);
  for (const rung of ['key', 'bucket'] as const) {
    await scene.run({ ...heal, rung, buckets: scene.world.scrub(scene.theirs) });
  }
  expect(dump(scene.ours)).toEqual(before);
}

/** Ours is wrong and healed; the tree with it. */
async function healsTree(from: Dice, list: readonly Drift[]): Promise<void> {
  const scene = new Scene(from);
  scene.drift(scene.ours, list);
  await scene.run();
  expect(scene.world.scrub(scene.ours)).toEqual([]);
  expect(dump(scene.ours)).toEqual(dump(scene.theirs));
}

const maybeDrift = fc.oneof(fc.constant([]), keyDrift);

claim(
  'X1, X2 equal is said only of leaves captured at one position that are equal, byte for byte',
  fc.asyncProperty(dice, maybeDrift, writes, sayEqual),
  'equal-when-not-comparable',
);
claim(
  'X3, X4 a trusted replica gives nothing away to one that is not',
  fc.asyncProperty(dice, anyDrift, staysRight),
  'repair-lower-version',
);
claim(
  'X6 a repair leaves every leaf the XOR of its rows',
  fc.asyncProperty(dice, keyDrift, healsTree),
  'forget-tree-in-repair',
);

function claim<T>(name: string, property: fc.IAsyncPropertyWithHooks<T>, mutant: Mutant): void {
  describe(name, () => {
    it('holds', () => fc.assert(property));
    it(`and ${mutant} is caught by it`, async () => {
      breakBy(mutant);
      const { failed } = await fc.check(property);
      expect(failed).toBe(true);
    });
  });
}

describe('three replicas', () => {
  it('X4, X9 of which two drifted: no orphan is brought back, and the third one heals both', async () => {
    await fc.assert(
      fc.asyncProperty(dice, anyDrift, anyDrift, async (from, first, second) => {
        const scene = new Scene(from, 30, 3);
        const [a, b, trusted] = scene.world.replicas as [MemoryReplica, MemoryReplica, MemoryReplica];
        scene.drift(a, first);
        scene.drift(b, second);
        const { epochs } = scene.world.history;
        for (const replica of [a, b]) {
          afterRepairs(replica, (repairs) => {
            for (const { theirs } of repairs)
              expect(theirs && isOrphan(theirs.version, epochs)).not.toBe(true);
          });
        }
        await exchangeOf(scene, a, b, 'key');
        await exchangeOf(scene, b, a, 'key');
        for (const replica of [a, b]) {
          await exchangeOf(scene, replica, trusted, 'key');
          await exchangeOf(scene, replica, trusted, 'bucket');
          expect(scene.world.wrongKeys(replica)).toEqual([]);
          expect(dump(replica)).toEqual(dump(trusted));
        }
        expect(await exchangeOf(scene, a, b, 'key')).toMatchObject({ outcome: 'equal' });
      }),
      { numRuns: 50 },
    );
  });
});

function exchangeOf(scene: Scene, ours: MemoryReplica, theirs: MemoryReplica, rung: 'key' | 'bucket') {
  ours.peer = theirs;
  const buckets = scene.world.scrub(ours);
  return exchange({ ours, peer: asPeer(theirs), options: { ...heal, rung, buckets }, limits });
}

/** Tells of every step of repairs, right after it. */
function afterRepairs(replica: MemoryReplica, look: (repairs: readonly Repair[]) => void): void {
  const repair = replica.repair.bind(replica);
  replica.repair = async (buckets, repairs) => {
    const before = replica.repaired.length;
    const answer = await repair(buckets, repairs);
    look(replica.repaired.slice(before));
    return answer;
  };
}
