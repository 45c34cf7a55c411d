import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Turning, Turns } from './http-turns.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Lets so many in each turn come, then waits until nobody waits; who began, by turn, in order. */
async function begunBy(turns: Turns, comingByTurn: readonly number[]): Promise<number[][]> {
  const begun: number[][] = [];
  let came = 0;
  let waiting = 0;
  for (let turn = 0; turn < comingByTurn.length || waiting > 0; turn += 1) {
    begun[turn] ??= [];
    for (let i = 0; i < (comingByTurn[turn] ?? 0); i += 1) {
      const number = came++;
      const one: Turning = {
        turn: () => {
          waiting -= 1;
          begun.at(-1)?.push(number);
        },
      };
      if (turns.admits(one)) begun.at(-1)?.push(number);
      else waiting += 1;
    }
    begun.push([]);
    await nextTurn();
  }
  return begun;
}

test('each begins once, in order, and no turn begins more than it may', async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 0, max: 8 }),
    fc.array(fc.nat(30), { maxLength: 12 }),
    async (max, coming) => {
      const begun = await begunBy(new Turns(max), coming);
      const count = coming.reduce((sum, one) => sum + one, 0);
      expect(begun.flat()).toEqual(Array.from({ length: count }, (_, i) => i));
      // Those who waited begin at the end of a turn, those who come now in the next one's course.
      for (const turn of begun) expect(turn.length).toBeLessThanOrEqual(Math.max(1, 2 * max));
    },
  );
  await fc.assert(property, { numRuns: 200 });
});

test('what waits lets other work have its turn between', async () => {
  const turns = new Turns(10);
  let begun = 0;
  const one: Turning = { turn: () => (begun += 1) };
  for (let i = 0; i < 100; i += 1) if (turns.admits(one)) begun += 1;
  const seen = [begun];
  while (begun < 100) {
    await nextTurn();
    seen.push(begun);
  }
  expect(seen).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
});

test('a usual load is never put off', async () => {
  const turns = new Turns(100);
  const begun = await begunBy(
    turns,
    Array.from({ length: 200 }, () => 50),
  );
  expect(begun.slice(0, 200).map((turn) => turn.length)).toEqual(Array.from({ length: 200 }, () => 50));
});
