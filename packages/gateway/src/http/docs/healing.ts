/** What the OpenAPI document says of comparing and healing. */
import { asHead, documented, json, type Operation, parameter, problems } from './operation.ts';

const diff: Operation = {
  operationId: 'diffShard',
  summary: 'How two replicas of a shard differ',
  description:
    'Compares them at one position, as they are, and changes nothing. Each key that differs is told with ' +
    'both versions, digests and sizes, and with what healing would do on `a`, and why. ' +
    '`not-comparable` says that they did not come to one position; it is no statement about their contents.',
  tags: ['cluster'],
  parameters: [parameter('Shard'), parameter('ReplicaA'), parameter('ReplicaB')],
  responses: {
    200: { description: 'The comparison', content: json('ShardDiff') },
    ...problems('invalid-parameter', 'not-found', 'replica-unavailable', 'upstream-timeout'),
  },
};

const inject: Operation = {
  operationId: 'injectDrift',
  summary: "Damage a node's replica on purpose",
  description: 'For tests. 403 unless the node was started with `DRIFTLESS_INJECT=true`.',
  tags: ['admin'],
  parameters: [parameter('Shard')],
  requestBody: { required: true, content: json('InjectBody') },
  responses: {
    200: { description: 'What was damaged', content: json('Injected') },
    ...problems('forbidden', 'invalid-parameter', 'not-found', 'replica-unavailable', 'upstream-timeout'),
  },
};

const antiEntropy: Operation = {
  operationId: 'getAntiEntropy',
  summary: 'What the anti-entropy process does',
  description:
    'The last round of each shard, which replicas were proven equal, where and when, and who needs more.',
  tags: ['admin'],
  responses: {
    200: { description: 'Rounds, proofs and patients', content: json('AntiEntropyView') },
    ...problems('invalid-parameter', 'unavailable', 'replica-unavailable', 'upstream-timeout'),
  },
};

const heal: Operation = {
  operationId: 'heal',
  summary: 'Compare and heal at once',
  description: 'A round of one shard or of all. Answers when they are over.',
  tags: ['admin'],
  requestBody: { required: false, content: json('RunBody') },
  responses: {
    200: { description: 'What the rounds came to', content: json('RunAnswer') },
    ...problems('not-found', 'unavailable', 'replica-unavailable', 'upstream-timeout'),
  },
};

export const diffDocs = documented({ '/v1/shards/{n}/diff': { get: diff, head: asHead(diff) } });
export const injectDocs = documented({ '/v1/admin/shards/{n}/inject': { post: inject } });
export const antiEntropyDocs = documented({
  '/v1/admin/anti-entropy': { get: antiEntropy, head: asHead(antiEntropy) },
});
export const healDocs = documented({ '/v1/admin/heal': { post: heal } });
