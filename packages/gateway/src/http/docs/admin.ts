/** What the OpenAPI document says of administration. */
import { asHead, documented, json, type Operation, parameter, problems } from './operation.ts';

const tags = ['admin'];

const moveLeader: Operation = {
  operationId: 'moveLeader',
  summary: 'Let another member lead a shard',
  description: 'Answers when it does. No write fails: the old leader empties its outbox before it lets go.',
  tags,
  parameters: [parameter('Shard')],
  requestBody: { required: true, content: json('MoveLeaderBody') },
  responses: {
    200: { description: 'The member leads', content: json('MovedLeader') },
    ...problems('bad-request', 'not-found', 'no-leader', 'replica-unavailable', 'upstream-timeout'),
  },
};

const orphans: Operation = {
  operationId: 'listOrphans',
  summary: 'Operations of deposed leaders that wait for a person',
  description:
    'A deposed leader offers what it had committed alone to the new one. What is listed was not taken, ' +
    'because the key was written since; it is in no history.',
  tags,
  responses: {
    200: { description: 'Orphans of all nodes that are there', content: json('OrphanList') },
    ...problems('invalid-parameter', 'replica-unavailable', 'upstream-timeout'),
  },
};

const discardOrphan: Operation = {
  operationId: 'discardOrphan',
  summary: 'Give an orphan up for good',
  description: 'To keep its value instead, write it as any other, then discard the orphan.',
  tags,
  parameters: [parameter('Node'), parameter('OrphanShard'), parameter('Version')],
  responses: {
    204: { description: 'It is gone' },
    ...problems('not-found', 'replica-unavailable', 'upstream-timeout'),
  },
};

export const moveLeaderDocs = documented({ '/v1/admin/shards/{n}/leader': { post: moveLeader } });
export const orphansDocs = documented({ '/v1/admin/orphans': { get: orphans, head: asHead(orphans) } });
export const orphanDocs = documented({
  '/v1/admin/orphans/{node}/{shard}/{version}': { delete: discardOrphan },
});
