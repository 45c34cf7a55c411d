/** Bad input about members. */
import { type Case, post } from './bad-input-cases.ts';

/** Orders about members; none of them may change anything. */
export const memberCases: Case[] = [
  {
    name: 'letting a stranger go',
    method: 'DELETE',
    path: '/v1/admin/members/x',
    status: 404,
    code: 'not-found',
  },
  {
    name: 'letting one of three go',
    method: 'DELETE',
    path: '/v1/admin/members/node-1',
    status: 409,
    code: 'members-conflict',
  },
  post('a replacement by nobody', '/v1/admin/members/node-1/replacement', {}, { says: 'by' }),
  post('a replacement by a bad name', '/v1/admin/members/node-1/replacement', { by: 'A B' }, { says: 'by' }),
  post('a replacement that is text', '/v1/admin/members/node-1/replacement', '"node-4"', {}),
  post(
    'a replacement of a stranger',
    '/v1/admin/members/x/replacement',
    { by: 'node-4' },
    {
      status: 404,
      code: 'not-found',
    },
  ),
  post(
    'a replacement by itself',
    '/v1/admin/members/node-1/replacement',
    { by: 'node-1' },
    {
      status: 409,
      code: 'members-conflict',
    },
  ),
];
