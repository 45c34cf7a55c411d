import { describe, expect, it } from 'vitest';
import { blocksOf } from './measure/blocks.ts';
import { allNames, type Scenario, scenarios } from './scenarios.ts';

const fields: Record<Scenario['axis'], readonly (keyof Scenario)[]> = {
  base: [],
  ack: ['ack'],
  level: ['level'],
  value: ['valueBytes'],
  connections: ['connections'],
  replicas: ['on'],
  shards: ['on'],
  counter: ['keys'],
  peer: ['on', 'keys'],
};

describe('the scenarios', () => {
  it('have names of their own', () => {
    expect(new Set(allNames).size).toBe(allNames.length);
  });

  it.each(scenarios)('$name differs from the base in its axis and nothing else', (scenario) => {
    const base = scenarios.find(({ name }) => name === 'put') as Scenario;
    const differing = (Object.keys(base) as (keyof Scenario)[]).filter(
      (field) => JSON.stringify(scenario[field]) !== JSON.stringify(base[field]),
    );
    const free = ['name', 'axis', 'what', ...fields[scenario.axis]];
    expect(differing.filter((field) => !free.includes(field))).toEqual([]);
  });

  it('are all measured, each once, beside others of its target and ceiling', () => {
    const blocks = blocksOf(scenarios);
    expect(blocks.flat(2).toSorted(byName)).toEqual(scenarios.toSorted(byName));
    for (const block of blocks.flat()) {
      const shapes = block.map(({ on, connections, valueBytes }) =>
        JSON.stringify([on, connections, valueBytes]),
      );
      expect(new Set(shapes).size).toBe(1);
    }
  });
});

function byName(a: Scenario, b: Scenario): number {
  return a.name < b.name ? -1 : 1;
}
