import { batchAnswerSchema } from '@driftless/contracts';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { batchAnswerOf } from './batch-answer.ts';

const problem = { type: 'x', title: 'x', status: 404, code: 'key-not-found', detail: 'x', retryable: false };
const result = fc.record(
  {
    status: fc.constantFrom<unknown>(200, 201, 204, 1.5, '200'),
    key: fc.constantFrom<unknown>('k', '', null),
    version: fc.constantFrom<unknown>('1-2', 3),
    value: fc.constantFrom<unknown>(3, '3'),
    problem: fc.constantFrom<unknown>(problem, {}),
    later: fc.constant(true),
  },
  { requiredKeys: ['status', 'key'] },
);
const done = fc.record(
  { status: fc.integer(), key: fc.string(), version: fc.string() },
  { requiredKeys: ['status', 'key'] },
);
const answers = fc.record(
  {
    ack: fc.constantFrom('stream', 'all', 'none'),
    results: fc.array(fc.oneof({ weight: 5, arbitrary: done }, result), { maxLength: 3 }),
    later: fc.constant(1),
  },
  { requiredKeys: ['ack', 'results'] },
);

it('an answer to a batch is what its schema makes of it', () => {
  const outcome = (parse: () => unknown): unknown => {
    try {
      return parse();
    } catch {
      return 'thrown';
    }
  };
  let plain = 0;
  fc.assert(
    fc.property(fc.oneof({ weight: 9, arbitrary: answers }, fc.constantFrom(null, 'x', [], {})), (answer) => {
      const found = outcome(() => batchAnswerOf(answer));
      if (found === answer) plain += 1;
      expect(found).toEqual(outcome(() => batchAnswerSchema.parse(answer)));
    }),
    { numRuns: 2000 },
  );
  expect(plain).toBeGreaterThan(100);
});
