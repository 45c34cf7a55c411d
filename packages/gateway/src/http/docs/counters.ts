/** What the OpenAPI document says of counters. */
import {
  documented,
  json,
  type Operation,
  parameter,
  problems,
  versionHeaders,
  writeParameters,
  writeProblems,
} from './operation.ts';

const increment: Operation = {
  operationId: 'incrementCounter',
  summary: 'Add to a counter',
  description:
    'A key without a value counts from 0. The value is a JSON integer, and can be read as any other.',
  tags: ['counters'],
  parameters: [parameter('Key'), ...writeParameters],
  requestBody: {
    required: false,
    description: 'What to add; 1 without a body',
    content: json('IncrementBody'),
  },
  responses: {
    200: { description: 'The new value', headers: versionHeaders, content: json('Counter') },
    ...problems(...writeProblems, 'not-a-counter', 'counter-overflow', 'not-found'),
  },
};

const seedIncrement: Operation = {
  ...increment,
  operationId: 'seedIncrement',
  summary: 'Add to the counter of the counter seed',
  description: 'The same as incrementing the key `counter`.',
  tags: ['seeds'],
  parameters: writeParameters,
  responses: {
    ...increment.responses,
    200: { description: 'The new value', headers: versionHeaders, content: json('SeedCounter') },
  },
};

export const incrementDocs = documented({ '/v1/counters/{key}/increment': { post: increment } });
export const seedIncrementDocs = documented({ '/api/counter/increment': { post: seedIncrement } });
