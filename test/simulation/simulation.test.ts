/** A short set of seeds, the scenarios that once failed, and that a seed always gives the same run. */
import { readdirSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { generate } from './generate.ts';
import { profiles } from './plan.ts';
import { Pool } from './pool.ts';
import { readScenario } from './scenario.ts';

const seedsOfProfile = 6;
const operations = 300;
const scenarios = new URL('./scenarios/', import.meta.url);

const pool = new Pool(2);
afterAll(() => pool.close());

describe('a cluster under faults keeps its promises', () => {
  it.each(profiles)('%s', async (profile) => {
    const seeds = Array.from({ length: seedsOfProfile }, (_, i) => 1000 + i);
    const outcomes = await Promise.all(
      seeds.map(async (seed) => ({
        seed,
        ...(await pool.run({ plan: generate(seed, { operations, profile }) })),
      })),
    );
    for (const { seed, violations, doubts } of outcomes) {
      expect(
        violations,
        `npm run simulate -- --from ${seed} --seeds 1 --profile ${profile} --steps ${operations}`,
      ).toEqual([]);
      expect(doubts).toEqual([]);
    }
    const answered = outcomes.reduce((sum, outcome) => sum + outcome.answered, 0);
    expect(answered, 'most operations are answered').toBeGreaterThan(0.9 * operations * seeds.length);
  });
});

describe('what failed once', () => {
  const files = readdirSync(scenarios).filter((name) => name.endsWith('.json'));
  it.each(files)('%s', async (file) => {
    const plan = readScenario(new URL(file, scenarios).pathname);
    expect((await pool.run({ plan })).violations).toEqual([]);
  });
});

it('a seed is a run, byte for byte', async () => {
  const plan = generate(7, { operations, profile: 'everything' });
  const [one, other] = await Promise.all([1, 2].map(() => pool.run({ plan, history: true, trace: true })));
  expect(one?.trace).toEqual(other?.trace);
  expect(one?.history).toEqual(other?.history);
  expect(one?.digest).toBe(other?.digest);
});
