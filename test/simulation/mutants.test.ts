/**
 * The simulation notices when the product is broken on purpose (`mutants.ts` of store-node and anti-entropy),
 * and the right checker says so. Seeds begin where one is known to do it; a few more are tried, so that a
 * change of the dice doesn't matter. What takes several things at once, which dice seldom bring together, has
 * a scenario.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { type GenerateOptions, generate } from './generate.ts';
import type { Mutant } from './mutants.ts';
import type { Plan } from './plan.ts';
import { Pool } from './pool.ts';
import { readScenario } from './scenario.ts';

/** One of the checkers must say so. */
type Case = { named: readonly string[] } & (
  | ({ from: number } & Omit<GenerateOptions, 'operations'>)
  | { scenario: string }
);

const seedsMax = 40;
const operations = 400;

const cases: Record<Mutant, Case> = {
  // The lease, and that a leader steps aside when it hears of another, stand in front of the fence: it is
  // what is left when a link held a publish back for longer than the lease.
  'no-fence': {
    named: ['lost-writes', 'single-writer', 'convergence'],
    from: 55,
    profile: 'nodes',
    kinds: ['nats-stall', 'leases-unheard'],
  },
  'ack-before-commit': { named: ['lost-writes'], from: 6, profile: 'nodes' },
  'skip-deduplication': { named: ['counters', 'single-writer'], from: 10, profile: 'jetstream' },
  'cursor-outside-transaction': {
    named: ['single-writer', 'convergence'],
    from: 1,
    profile: 'nodes',
    kinds: ['kill-in-call'],
  },
  'forget-orphans': { named: ['rollbacks'], from: 23, profile: 'nodes' },
  'read-session-early': { named: ['read-your-writes', 'monotonic-reads'], from: 1, profile: 'jetstream' },
  'drop-tombstone': { named: ['resurrections'], from: 1, profile: 'calm' },
  'collect-unseen-tombstone': { named: ['resurrections'], from: 1, profile: 'nodes' },
  'skip-digest-check': { named: ['phantoms'], from: 2, profile: 'rot', kinds: ['row-rotten'] },
  'repair-lower-version': { named: ['lost-writes'], scenario: 'two-skip-events-without-a-leader.json' },
  'equal-when-not-comparable': {
    named: ['resurrections'],
    scenario: 'deletes-while-a-member-is-out-of-reach.json',
  },
  'forget-tree-in-repair': { named: ['repairs'], from: 10, profile: 'rot' },
};

const pool = new Pool(2);
afterAll(() => pool.close());

describe('what is broken on purpose is caught', () => {
  it.each(Object.entries(cases))('%s', async (name, { named, ...how }) => {
    const mutant = name as Mutant;
    const plans = plansOf(how);
    for (const plan of plans) {
      const { violations } = await pool.run({ plan, mutant });
      if (violations.some(({ checker }) => named.includes(checker))) return;
    }
    expect.fail(`none of the plans had a violation of ${named.join(' or ')}`);
  });
});

function* plansOf(how: Omit<Case, 'named'>): Generator<Plan> {
  if ('scenario' in how) {
    yield readScenario(new URL(`./scenarios/${how.scenario}`, import.meta.url).pathname);
    return;
  }
  const { from, ...options } = how as Exclude<Case, { scenario: string }>;
  for (let seed = from; seed < from + seedsMax; seed += 1) yield generate(seed, { operations, ...options });
}
