import { batchBodySchema, batchOperationsMax } from '@driftless/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainPutsOf } from './plain-batch.ts';

const members = fc.record(
  {
    op: fc.constantFrom<unknown>('put', 'put', 'put', 'delete', 'increment', 7),
    key: fc.constantFrom<unknown>('k', 'other', '', 7, null),
    value: fc.oneof(fc.jsonValue(), fc.constant({ __proto__: null, toString: 1 })),
    valueBase64: fc.constantFrom<unknown>('aGk=', 'aGk=', 7),
    contentType: fc.constantFrom<unknown>('text/plain', 'text/plain', null),
    ttl: fc.constantFrom<unknown>(7, '7'),
    by: fc.constant(1),
  },
  { requiredKeys: ['op', 'key'] },
);
const puts = fc.record(
  {
    op: fc.constant('put'),
    key: fc.string(),
    value: fc.jsonValue(),
    valueBase64: fc.string(),
    contentType: fc.string(),
  },
  { requiredKeys: ['op', 'key'] },
);
const operations = fc.oneof(
  { weight: 8, arbitrary: puts },
  { weight: 2, arbitrary: members },
  fc.constant([]),
);
const documents = fc.oneof(
  { weight: 5, arbitrary: fc.record({ operations: fc.array(operations, { maxLength: 3 }) }) },
  fc.record({ operations: fc.array(puts), x: fc.constant(1) }),
);

describe('a batch of plain puts', () => {
  it('is one that the schema takes, and leaves as it is', () => {
    let plain = 0;
    fc.assert(
      fc.property(documents, (made) => {
        const document: unknown = JSON.parse(JSON.stringify(made));
        const operations = plainPutsOf(document);
        if (operations === undefined) return;
        plain += 1;
        expect(batchBodySchema.parse(document).operations).toEqual(operations);
      }),
      { numRuns: 2000 },
    );
    expect(plain).toBeGreaterThan(200);
  });

  it('has as many as a batch may have', () => {
    const operations = Array.from({ length: batchOperationsMax }, () => ({ op: 'put', key: 'k', value: 1 }));
    expect(plainPutsOf({ operations })).toBe(operations);
    expect(plainPutsOf({ operations: [...operations, operations[0]] })).toBeUndefined();
    for (const document of [null, 'x', [], {}, { operations: {} }, { operations: [] }]) {
      expect(plainPutsOf(document)).toBeUndefined();
    }
  });
});
