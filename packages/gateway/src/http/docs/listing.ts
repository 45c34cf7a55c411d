/** What the OpenAPI document says of `GET /v1/kv`. */
import {
  asHead,
  documented,
  json,
  type Operation,
  parameter,
  problems,
  readProblems,
  standingHeaders,
} from './operation.ts';

const get: Operation = {
  operationId: 'listKeys',
  summary: 'List keys by prefix',
  description:
    'In the order of the keys’ UTF-8 bytes. A page may hold fewer entries than `limit`; it is the last one ' +
    'when it has no `next`. Values that are JSON or text stand in `value`, others in `valueBase64`.',
  tags: ['keys'],
  parameters: [
    parameter('Prefix'),
    parameter('Limit'),
    parameter('Cursor'),
    parameter('Values'),
    parameter('Consistency'),
    parameter('MaxStalenessMs'),
    parameter('Session'),
  ],
  responses: {
    200: { description: 'A page', headers: standingHeaders, content: json('List') },
    ...problems(...readProblems, 'invalid-cursor'),
  },
};

export const listDocs = documented({ '/v1/kv': { get, head: asHead(get) } });
