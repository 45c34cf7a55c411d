/** Bad input about comparing and healing; none of it may change anything. No anti-entropy runs here. */
import { type Case, post } from './bad-input-cases.ts';

const badParameter = { status: 400, code: 'invalid-parameter' };
const notFound = { status: 404, code: 'not-found' };
const diff = (name: string, target: string, more: Partial<Case>): Case => ({
  name,
  method: 'GET',
  path: `/v1/shards/${target}`,
  status: 400,
  ...more,
});
const injectPath = '/v1/admin/shards/0/inject';
const inject = (name: string, body: unknown, more: Partial<Case> = {}): Case =>
  post(`damage: ${name}`, injectPath, body, more);
const flip = { node: 'node-1', kind: 'flip-value' };

export const healingCases: Case[] = [
  diff('a diff of nobody', '0/diff', { ...badParameter, says: '"a"' }),
  diff('a diff with nobody', '0/diff?a=node-1', { ...badParameter, says: '"b"' }),
  diff('a diff with itself', '0/diff?a=node-1&b=node-1', { ...badParameter, says: 'itself' }),
  diff('a diff of a bad name', '0/diff?a=NODE%201&b=node-2', { ...badParameter, says: '"a"' }),
  diff('a diff of a stranger', '0/diff?a=node-9&b=node-2', { ...notFound, says: 'node-9' }),
  diff('a diff with a stranger', '0/diff?a=node-2&b=node-9', { ...notFound, says: 'node-9' }),
  diff('a diff of a shard that is not there', '99/diff?a=node-1&b=node-2', { ...notFound, says: '0 to 3' }),
  diff('a diff of a shard that is none', 'x/diff?a=node-1&b=node-2', { ...badParameter, says: '0 to 3' }),
  diff('a diff of shard -1', '-1/diff?a=node-1&b=node-2', badParameter),
  diff('a diff with a twin', '0/diff?a=node-1&a=node-2&b=node-3', { ...badParameter, says: 'twice' }),
  diff('a diff with more', '0/diff?a=node-1&b=node-2&limit=3', { ...badParameter, says: 'limit' }),

  inject('nothing', {}, { says: 'node' }),
  inject('no kind', { node: 'node-1' }, { says: 'kind' }),
  inject('a kind that is none', { node: 'node-1', kind: 'rm -rf' }, { says: 'kind' }),
  inject('no times', { ...flip, count: 0 }, { says: 'count' }),
  inject('half a time', { ...flip, count: 0.5 }, { says: 'count' }),
  inject('a key that is a number', { ...flip, key: 7 }, { says: 'key' }),
  inject('a bad name', { ...flip, node: '../x' }, { says: 'node' }),
  inject('something unknown', { ...flip, force: true }, { says: 'force' }),
  inject('a stranger', { ...flip, node: 'node-9' }, { ...notFound, says: 'node-9' }),
  inject('text', 'flip', {}),
  post('damage: a shard that is not there', '/v1/admin/shards/99/inject', flip, notFound),
  post('damage: with a parameter', `${injectPath}?force=1`, flip, badParameter),

  post('healing of shard -1', '/v1/admin/heal', { shard: -1 }, { says: 'shard' }),
  post('healing of half a shard', '/v1/admin/heal', { shard: 0.5 }, { says: 'shard' }),
  post('healing that is dry by a word', '/v1/admin/heal', { dryRun: 'yes' }, { says: 'dryRun' }),
  post('healing with something unknown', '/v1/admin/heal', { shards: [0] }, { says: 'shards' }),
  post('healing with nobody to do it', '/v1/admin/heal', {}, { status: 503, code: 'unavailable' }),
  {
    name: 'asking nobody what it heals',
    method: 'GET',
    path: '/v1/admin/anti-entropy',
    status: 503,
    code: 'unavailable',
  },
];
