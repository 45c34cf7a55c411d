/**
 * The simulation notices when the store is broken on purpose (store-node/core/mutants.ts), and the right
 * checker says so. Seeds begin where one is known to do it; a few more are tried, so that a change of the
 * dice doesn't matter.
 */
import type { Mutant } from '@driftless/store-node/simulation';
import { afterAll, describe, expect, it } from 'vitest';
import { type GenerateOptions, generate } from './generate.ts';
import { Pool } from './pool.ts';

interface Case extends Omit<GenerateOptions, 'operations'> {
  /** One of these must say so. */
  named: readonly string[];
  from: number;
}

const seedsMax = 40;
const operations = 400;

const cases: Record<Mutant, Case> = {
  // The lease, and that a leader steps aside when it hears of another, stand in front of the fence: it is
  // what is left when a link held a publish back for longer than the lease.
  'no-fence': {
    named: ['lost-writes', 'single-writer', 'convergence'],
    from: 168,
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
  'skip-digest-check': { named: ['phantoms'], from: 3, profile: 'rot' },
};

const pool = new Pool(2);
afterAll(() => pool.close());

describe('a store that is broken on purpose is caught', () => {
  it.each(Object.entries(cases))('%s', async (name, { named, from, ...options }) => {
    const mutant = name as Mutant;
    for (let seed = from; seed < from + seedsMax; seed += 1) {
      const plan = generate(seed, { operations, ...options });
      const { violations } = await pool.run({ plan, mutant });
      if (violations.some(({ checker }) => named.includes(checker))) return;
    }
    expect.fail(`none of ${seedsMax} seeds from ${from} on had a violation of ${named.join(' or ')}`);
  });
});
