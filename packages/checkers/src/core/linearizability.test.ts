/**
 * The search against brute force: on small random histories, most of them impossible, both must agree. The
 * brute force is written against the words of the promise, and shares no code with what it checks.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Script } from '../testing/script.ts';
import type { History, Operation } from './history.ts';
import { checkLinearizability } from './linearizability.ts';

interface Drawn {
  what: 'put' | 'get' | 'delete' | 'cas' | 'create' | 'increment';
  from: number;
  took: number;
  outcome: 'ok' | 'ok' | 'info' | 'fail';
  /**
   * Which earlier operation a read shows or a condition names; past the last: nothing, or an unknown
   * version.
   */
  of: number;
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  what: fc.constantFrom<Drawn['what'][]>('put', 'put', 'get', 'get', 'delete', 'cas', 'create', 'increment'),
  from: fc.nat(12),
  took: fc.integer({ min: 1, max: 8 }),
  outcome: fc.constantFrom<Drawn['outcome'][]>('ok', 'ok', 'ok', 'info', 'fail'),
  of: fc.nat(6),
});

function historyOf(operations: readonly Drawn[], isCounter: boolean): History {
  const script = new Script();
  for (const [i, { what, from, took, outcome, of }] of operations.entries()) {
    const span: [number, number] = [from, from + took];
    const version = `1-${i + 2}`;
    const more = { ...(outcome === 'ok' ? { version } : { outcome }) };
    const refused = outcome === 'fail' ? { error: 'precondition-failed' } : {};
    const ifMatch = [`1-${of + 2}`];
    if (what === 'get') {
      const value = isCounter ? (of === 0 ? null : String(of)) : operations[of] ? `v${of}` : null;
      if (outcome === 'ok') script.get('k', value, span, { consistency: 'strong' });
    } else if (isCounter) {
      script.increment('k', 1 + (of % 2), span, {
        ...more,
        ...(outcome === 'ok' ? { value: String(1 + of) } : {}),
      });
    } else if (what === 'delete') {
      script.delete('k', span, { ...more, ...(outcome === 'fail' ? { error: 'key-not-found' } : {}) });
    } else if (what === 'cas') script.put('k', `v${i}`, span, { ...more, ...refused, ifMatch });
    else if (what === 'create') script.put('k', `v${i}`, span, { ...more, ...refused, ifNoneMatch: '*' });
    else script.put('k', `v${i}`, span, more);
  }
  return script.history();
}

/** Tries every order of every choice of those operations that need not have happened. */
function bruteForce({ operations }: History): boolean {
  const versionOf = new Map(operations.map((operation) => [text(operation), operation]));
  const relevant = operations.filter(({ outcome, error }) => outcome !== 'fail' || error !== undefined);
  const search = (left: readonly Operation[], state: State): boolean => {
    if (left.every(({ outcome }) => outcome === 'info')) return true;
    return left.some((next) => {
      if (left.some((other) => other !== next && other.endedAt < next.invokedAt)) return false;
      return outcomes(next, state, versionOf).some((after) =>
        search(
          left.filter((other) => other !== next),
          after,
        ),
      );
    });
  };
  return search(relevant, { value: null, by: undefined });
}

interface State {
  value: string | null;
  by: Operation | undefined;
}

function text({ version }: Operation): string {
  return version ? `${version.epoch}-${version.seq}` : 'unknown';
}

function outcomes(operation: Operation, state: State, versionOf: Map<string, Operation>): State[] {
  const { kind, outcome, error, answer, value, by } = operation;
  if (kind === 'get') return state.value === answer ? [state] : [];
  const holds = conditionHolds(operation, state, versionOf);
  if (outcome === 'fail') {
    const fits = error === 'key-not-found' ? state.value === null : holds.includes(false);
    return fits ? [state] : [];
  }
  if (!holds.includes(true)) return [];
  if (kind === 'put') return [{ value: value ?? null, by: operation }];
  if (kind === 'delete') return state.value === null ? [] : [{ value: null, by: undefined }];
  const sum = String(Number(state.value ?? 0) + by);
  return outcome === 'ok' && sum !== answer ? [] : [{ value: sum, by: operation }];
}

/** What a condition can have come to; both when the version of what is there isn't known. */
function conditionHolds(
  { ifMatch, ifNoneMatch }: Operation,
  { value, by }: State,
  versionOf: Map<string, Operation>,
): boolean[] {
  if (ifNoneMatch === '*') return [value === null];
  const [wanted] = ifMatch === undefined || ifMatch === '*' ? [] : ifMatch;
  if (!wanted) return [true];
  if (value === null || !by) return [false];
  const owner = versionOf.get(`${wanted.epoch}-${wanted.seq}`);
  if (by.outcome === 'ok') return [owner === by];
  return owner ? [false] : [true, false];
}

it.each([false, true])('agrees with brute force (counter: %s)', { timeout: 60_000 }, (isCounter) => {
  const seen = { ok: 0, violated: 0 };
  fc.assert(
    fc.property(fc.array(drawn, { minLength: 2, maxLength: 6, size: 'max' }), (operations) => {
      const history = historyOf(operations, isCounter);
      const { verdict } = checkLinearizability(history);
      const expected = bruteForce(history) ? 'ok' : 'violated';
      if (verdict !== 'nothing to check') expect(verdict).toBe(expected);
      else expect(expected).toBe('ok');
      seen[expected] += 1;
    }),
    { numRuns: 3000 },
  );
  expect(Math.min(seen.ok, seen.violated)).toBeGreaterThan(200);
});

it('many increments without an answer do not multiply the search', () => {
  const script = new Script();
  for (let i = 0; i < 60; i += 1) script.increment('k', 1, [i, i + 1], { outcome: 'info' });
  for (let i = 7; i < 60; i += 7) script.get('k', String(i), [100 + i, 101 + i], { consistency: 'strong' });
  expect(checkLinearizability(script.history(), 1000).verdict).toBe('ok');
});

it('a version that was rolled back is not that of the write which a retry did again', () => {
  const wanting = (outcome: 'refused' | 'done') =>
    new Script()
      .put('k', 'a', [0, 50], { version: '2-70' })
      .get('k', 'a', [10, 11], { consistency: 'eventual', version: '1-70' })
      .put('k', 'b', [60, 61], {
        ifMatch: ['1-70'],
        ...(outcome === 'refused' ? { outcome: 'fail', error: 'precondition-failed' } : { version: '2-71' }),
      });
  expect(checkLinearizability(wanting('refused').history()).verdict).toBe('ok');
  expect(checkLinearizability(wanting('done').history()).verdict).toBe('violated');
});
