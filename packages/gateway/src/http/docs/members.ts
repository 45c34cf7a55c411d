/** What the OpenAPI document says of members. */
import { asHead, documented, json, type Operation, parameter, problems } from './operation.ts';

const tags = ['admin'];

const members: Operation = {
  operationId: 'listMembers',
  summary: 'Who is a member, and which shards move',
  description: 'A node joins by being started, with an id of its own and the configuration of the others.',
  tags,
  responses: {
    200: { description: 'Members and moves', content: json('MembersView') },
    ...problems('invalid-parameter', 'replica-unavailable'),
  },
};

const leave: Operation = {
  operationId: 'letMemberLeave',
  summary: 'Let a member go',
  description:
    'Its shards go to other members, one after the other, while reads and writes go on. It may be stopped ' +
    'when its state is `left`. A member that is lost for good may be let go too.',
  tags,
  parameters: [parameter('Node')],
  responses: {
    202: { description: 'It is leaving', content: json('MembersView') },
    ...problems(
      'bad-request',
      'invalid-parameter',
      'not-found',
      'members-conflict',
      'replica-unavailable',
      'upstream-timeout',
    ),
  },
};

const replace: Operation = {
  operationId: 'replaceMember',
  summary: 'Let another node take the place of a member',
  description:
    'The other one takes over the shards of the member, and nothing else moves. It may be started before ' +
    'or after; the member leaves.',
  tags,
  parameters: [parameter('Node')],
  requestBody: { required: true, content: json('ReplaceMemberBody') },
  responses: {
    202: { description: 'It is being replaced', content: json('MembersView') },
    ...problems(
      'bad-request',
      'invalid-parameter',
      'not-found',
      'members-conflict',
      'replica-unavailable',
      'upstream-timeout',
    ),
  },
};

export const membersDocs = documented({ '/v1/admin/members': { get: members, head: asHead(members) } });
export const leaveDocs = documented({ '/v1/admin/members/{node}': { delete: leave } });
export const replaceDocs = documented({ '/v1/admin/members/{node}/replacement': { post: replace } });
