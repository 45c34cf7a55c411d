/**
 * Every correct execution of the model store is accepted by every checker, and one thing made wrong in it is
 * named by the checker whose business it is. A failure prints its seed and shrinks to few steps.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { executed, stepsArbitrary } from '../testing/model.ts';
import { mutated, mutations } from '../testing/mutations.ts';
import { assembled, violatedIn } from '../testing/script.ts';
import { checkHistory } from './check.ts';
import { decodeEvent, encodeEvent } from './event.ts';
import { checkerNames } from './findings.ts';

/** Raise it for a long run. */
const runs = Number(process.env.DRIFTLESS_CHECKER_RUNS ?? 150);
const timeout = runs * 1000;

describe('correct executions', { timeout }, () => {
  it('are accepted by every checker', () => {
    const checked = new Set<string>();
    fc.assert(
      fc.property(stepsArbitrary, (steps) => {
        const results = checkHistory(assembled(executed(steps)));
        for (const { checker, checked: count } of results) if (count > 0) checked.add(checker);
        const wrong = results.flatMap(({ violations, doubts }) => [
          ...violations.map(({ message }) => message),
          ...doubts,
        ]);
        expect(wrong).toEqual([]);
      }),
      { numRuns: runs * 2 },
    );
    expect([...checked].sort()).toEqual([...checkerNames].sort());
  });

  it('are the same after a way through a file', () => {
    fc.assert(
      fc.property(stepsArbitrary, (steps) => {
        const events = executed(steps);
        expect(events.map((event) => decodeEvent(encodeEvent(event)))).toEqual(events);
      }),
      { numRuns: 20 },
    );
  });
});

describe('one thing made wrong', { timeout }, () => {
  it.each(mutations)('$what: named by $names', (mutation) => {
    fc.assert(
      fc.property(stepsArbitrary, fc.nat(1000), (steps, choice) => {
        const wrong = mutated(mutation, executed(steps), choice);
        fc.pre(wrong !== undefined);
        expect(violatedIn(checkHistory(assembled(wrong ?? [])))).toContain(mutation.names);
      }),
      { numRuns: runs / 3, maxSkipsPerRun: 200 },
    );
  });
});
