/** What the OpenAPI document says of `/v1/kv/{key}`. */
import {
  asHead,
  documented,
  json,
  type Operation,
  parameter,
  problems,
  readProblems,
  versionHeaders,
  writeParameters,
  writeProblems,
} from './operation.ts';

const tags = ['keys'];
const anyValue = {
  'application/json': { schema: {}, example: { name: 'Ada' } },
  '*/*': { schema: {} },
};

const put: Operation = {
  operationId: 'putValue',
  summary: 'Put a value',
  description:
    'Keeps the body, byte for byte, under its content type. A JSON content type, which is the default, ' +
    'must come with JSON.',
  tags,
  parameters: [parameter('Key'), parameter('Ttl'), ...writeParameters],
  requestBody: { required: true, description: 'The value: up to 512 KiB of anything', content: anyValue },
  responses: {
    200: { description: 'The value was replaced', headers: versionHeaders, content: json('Written') },
    201: { description: 'The key had no value before', headers: versionHeaders, content: json('Written') },
    ...problems(...writeProblems, 'invalid-value'),
  },
};

const get: Operation = {
  operationId: 'getValue',
  summary: 'Get a value',
  description: 'Gives the body and the content type that were put. Deleted and expired keys are not there.',
  tags,
  parameters: [
    parameter('Key'),
    parameter('Consistency'),
    parameter('MaxStalenessMs'),
    parameter('Session'),
    parameter('IfNoneMatch'),
  ],
  responses: {
    200: { description: 'The value', headers: versionHeaders, content: anyValue },
    304: { description: 'It is still at a version of `If-None-Match`', headers: versionHeaders },
    ...problems(...readProblems, 'key-not-found'),
  },
};

const remove: Operation = {
  operationId: 'deleteValue',
  summary: 'Delete a value',
  tags,
  parameters: [parameter('Key'), ...writeParameters],
  responses: {
    204: { description: 'The value was deleted', headers: versionHeaders },
    ...problems(...writeProblems, 'key-not-found'),
  },
};

export const keyDocs = documented({ '/v1/kv/{key}': { get, head: asHead(get), put, delete: remove } });
