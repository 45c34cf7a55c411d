/** What the OpenAPI document says of `POST /v1/batch`. */
import { documented, json, type Operation, parameter, problems } from './operation.ts';

const post: Operation = {
  operationId: 'batch',
  summary: 'Do many operations',
  description:
    'Operations stand alone: one that is refused does not stop the others, and each has its own status. ' +
    'Those on one key are done in their order. A put has `value`, which is written anew as JSON, or ' +
    '`valueBase64`, which is kept byte for byte.',
  tags: ['keys'],
  parameters: [parameter('Ack'), parameter('Session'), parameter('IdempotencyKey')],
  requestBody: { required: true, content: json('BatchBody') },
  responses: {
    200: { description: 'What became of each operation, in order', content: json('BatchAnswer') },
    ...problems('invalid-parameter', 'value-too-large', 'unsupported-media-type', 'replica-unavailable'),
  },
};

export const batchDocs = documented({ '/v1/batch': { post } });
