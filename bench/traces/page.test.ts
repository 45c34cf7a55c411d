import { describe, expect, it } from 'vitest';
import type { TraceCost } from './measure.ts';
import { pageOf, verdictOf } from './page.ts';

/** Two pairs, in which so many percent of the requests a second were lost. */
function cost(ratio: number, ...lostPercents: number[]): TraceCost {
  const rounds = lostPercents.map((lost) => ({
    with: { perSecond: 100 - lost, cpuMicros: 100 + lost },
    without: { perSecond: 100, cpuMicros: 100 },
  }));
  return { load: 'PUT, ack=stream', rounds, ratio, sent: 7, lost: 0 };
}

describe('the page of what traces cost', () => {
  it('has the medians of the pairs, and what was sent', () => {
    const page = pageOf({ machine: 'a machine', measureMs: 2000, costs: [cost(0.01, 1, 2, 3)] });
    expect(page).toContain('| PUT, ack=stream; 1% traced | 3     | +2.00% (+1.00% – +3.00%) |');
    expect(page).toContain('-2.00% (-3.00% – -1.00%)');
    expect(page).toContain('Rounds of 2 s in turns');
    expect(page).toMatch(/\| PUT, ack=stream \| 1\.00% +\| 7 +\| 0 +\|/);
  });

  it('says by the medians whether the promise was kept, and promises nothing of more', () => {
    expect(verdictOf([cost(0.01, 4, 5, 90)])).toMatch(/^This run shows it/);
    expect(verdictOf([cost(0.01, 4, 6, 7)])).toBe('This run does not show it: PUT, ack=stream.');
    expect(verdictOf([cost(0.01, -3, 1), cost(1, 40, 50)])).toMatch(/^This run shows it/);
  });
});
