/** How values.yaml is read: comments, brackets, defaults; and what a value without them leads to. */
import { expect, it } from 'vitest';
import { schemaOf } from '../src/docs/schema.ts';
import { readValues } from '../src/docs/values.ts';

const text = `# About the file.

# A name.
name: a
part:
  # How many. [integer 1..9]
  count: 3
  inner:
    # Over
    # two lines. [one of x, y, 2]
    kind: x
# Anything. [object]
resources:
  requests: { cpu: 1 }
`;

it('reads each value with its comment, and not the comments of the file', () => {
  expect(readValues(text)).toEqual([
    { path: ['name'], says: 'A name.', default: 'a', allowed: { kind: 'text' } },
    { path: ['part', 'count'], says: 'How many.', default: 3, allowed: { kind: 'integer', min: 1, max: 9 } },
    {
      path: ['part', 'inner', 'kind'],
      says: 'Over two lines.',
      default: 'x',
      allowed: { kind: 'choice', of: ['x', 'y', 2] },
    },
    {
      path: ['resources'],
      says: 'Anything.',
      default: { requests: { cpu: 1 } },
      allowed: { kind: 'object' },
    },
  ]);
});

it('makes a schema of them that allows nothing else', () => {
  expect(schemaOf(readValues(text))).toMatchObject({
    additionalProperties: false,
    properties: {
      name: { type: 'string', default: 'a' },
      part: {
        additionalProperties: false,
        properties: { count: { type: 'integer', minimum: 1, maximum: 9 }, inner: { type: 'object' } },
      },
      resources: { type: 'object' },
      global: { type: 'object' },
    },
  });
});

it.each([
  ['a: 1', 'a has no comment'],
  ['# A. [integer]\na: 1', 'nobody knows what [integer] allows'],
  ['# A number.\na: 1', 'a does not say in brackets what is allowed'],
])('refuses %j', (yaml, message) => {
  expect(() => readValues(yaml)).toThrow(message);
});
