/** What the OpenAPI document says of the metrics-storage seed's routes. */
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

const tags = ['seeds'];

const post: Operation = {
  operationId: 'keepRecord',
  summary: 'Keep a record',
  tags,
  parameters: writeParameters,
  requestBody: { required: true, content: json('DataBody') },
  responses: {
    200: { description: 'The record was replaced', headers: versionHeaders, content: json('Data') },
    201: { description: 'The record is new', headers: versionHeaders, content: json('Data') },
    ...problems(...writeProblems),
  },
};

const get: Operation = {
  operationId: 'getRecord',
  summary: 'Get a record',
  description: 'JSON and text values; other values are given by `/v1/kv/{key}` only.',
  tags,
  parameters: [parameter('Key'), parameter('Consistency'), parameter('MaxStalenessMs'), parameter('Session')],
  responses: {
    200: { description: 'The record', headers: versionHeaders, content: json('Data') },
    ...problems(...readProblems, 'key-not-found', 'unsupported-media-type'),
  },
};

export const postDataDocs = documented({ '/data': { post } });
export const getDataDocs = documented({ '/data/{key}': { get, head: asHead(get) } });
