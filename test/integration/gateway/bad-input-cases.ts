/** What people, bugs and attackers send, and what each has to be told (issue 2, "Must show" 5). */
import { Buffer } from 'node:buffer';
import { jsonDepthMax, requestBytesMax, ttlSecondsMax, valueBytesMax } from '@driftless/contracts';
import type { RawRequest } from './raw.ts';

export interface Case extends RawRequest {
  name: string;
  /** What the answer must be. Without a code, the answer is a success. */
  status: number;
  code?: string;
  /** Text that the detail has to hold: the name of what is wrong. */
  says?: string;
  /** Headers that the answer must have. */
  has?: Record<string, string>;
}

const json = { 'content-type': 'application/json' };
const text = { 'content-type': 'text/plain' };
const binary = { 'content-type': 'application/octet-stream' };
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const put = (name: string, path: string, more: Partial<Case>): Case => ({
  name,
  method: 'PUT',
  path,
  headers: text,
  body: 'x',
  status: 400,
  ...more,
});
const get = (name: string, path: string, more: Partial<Case>): Case => ({
  name,
  method: 'GET',
  path,
  status: 400,
  ...more,
});
export const post = (name: string, path: string, body: unknown, more: Partial<Case>): Case => ({
  name,
  method: 'POST',
  path,
  headers: json,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  status: 400,
  code: 'bad-request',
  ...more,
});
const batch = (name: string, operation: unknown, more: Partial<Case> = {}): Case =>
  post(`batch: ${name}`, '/v1/batch', { operations: [operation] }, more);

const badKey = { status: 400, code: 'invalid-key' };
const badParameter = { status: 400, code: 'invalid-parameter' };
const badValue = { status: 400, code: 'invalid-value' };
const created = { status: 201 };

export const keyCases: Case[] = [
  put('an empty key', '/v1/kv/', badKey),
  put('a key of 512 bytes', `/v1/kv/${'k'.repeat(512)}`, created),
  put('a key of 513 bytes', `/v1/kv/${'k'.repeat(513)}`, badKey),
  put('a key of 512 bytes, all escaped', `/v1/kv/${'%C3%A9'.repeat(256)}`, created),
  put('a key of 514 bytes in 257 characters', `/v1/kv/${'%C3%A9'.repeat(257)}`, badKey),
  put('a key longer than any path part', `/v1/kv/${'k'.repeat(8000)}`, badKey),
  put('a key that is NUL', '/v1/kv/%00', created),
  put('a key that is ..', '/v1/kv/..', created),
  put('a key of ../ that climbs', '/v1/kv/../../etc/passwd', created),
  put('a key of escaped dots', '/v1/kv/%2e%2e%2f%2e%2e', created),
  put('a key that is .', '/v1/kv/.', created),
  put('a key that is *', '/v1/kv/*', created),
  put('a key that is >', '/v1/kv/>', created),
  put('a key that is $JS.API.>', '/v1/kv/$JS.API.%3E', created),
  put('a key that is %2F', '/v1/kv/a%2Fb', created),
  put('a key that is one slash', '/v1/kv//', created),
  put('a key of an escaped percent', '/v1/kv/%252F', created),
  put('a key of CR LF', '/v1/kv/a%0D%0AX-Injected:%201', created),
  put('a key that is an emoji', '/v1/kv/%F0%9F%98%80', created),
  put('a key of raw UTF-8 bytes', `/v1/kv/raw-${Buffer.from('ключ').toString('latin1')}`, {
    status: 400,
    code: 'bad-request',
  }),
  put('a key that is __proto__', '/v1/kv/__proto__', created),
  put('a key of SQL', `/v1/kv/'%3B%20DROP%20TABLE%20entries%3B--`, created),
  put('a key that is not UTF-8', '/v1/kv/%FF', badKey),
  put('a key of raw bytes that are not UTF-8', '/v1/kv/\xff\xfe', { status: 400, code: 'bad-request' }),
  put('a key with an overlong slash', '/v1/kv/%C0%AF', badKey),
  put('a key with a surrogate', '/v1/kv/%ED%A0%80', badKey),
  put('a key cut off in a character', '/v1/kv/%F0%9F%98', badKey),
  put('a key with half an escape', '/v1/kv/a%2', badKey),
  put('a key with an escape of no digits', '/v1/kv/a%zz', badKey),
  put('a key with a fragment', '/v1/kv/a#b', badKey),
  get('an empty key', '/v1/kv/', badKey),
  get('a key that is not UTF-8', '/v1/kv/%C3%28', badKey),
  get('a key that nobody wrote', '/v1/kv/nobody', { status: 404, code: 'key-not-found' }),
  { name: 'deleting nothing', method: 'DELETE', path: '/v1/kv/nobody', status: 404, code: 'key-not-found' },
  { name: 'heading nothing', method: 'HEAD', path: '/v1/kv/nobody', status: 404 },
];

export const bodyCases: Case[] = [
  put('an empty body as JSON', '/v1/kv/body', { ...badValue, headers: json, body: '' }),
  put('an empty body without a type', '/v1/kv/body', { ...badValue, headers: {}, body: '' }),
  put('an empty body as bytes', '/v1/kv/empty', { ...created, headers: binary, body: '' }),
  put('512 KiB', '/v1/kv/large', { ...created, headers: binary, body: Buffer.alloc(valueBytesMax, 1) }),
  put('512 KiB − 1', '/v1/kv/less', { ...created, headers: binary, body: Buffer.alloc(valueBytesMax - 1) }),
  put('512 KiB + 1', '/v1/kv/body', {
    status: 413,
    code: 'value-too-large',
    headers: binary,
    body: Buffer.alloc(valueBytesMax + 1),
  }),
  put('a chunked body over the limit', '/v1/kv/body', {
    status: 413,
    code: 'value-too-large',
    headers: { ...binary, 'transfer-encoding': 'chunked' },
    body: Buffer.alloc(valueBytesMax + 1),
  }),
  put('text that says it is JSON', '/v1/kv/body', { ...badValue, headers: json, body: 'hello' }),
  put('JSON cut off', '/v1/kv/body', { ...badValue, headers: json, body: '{"a":' }),
  put('JSON with a comma too many', '/v1/kv/body', { ...badValue, headers: json, body: '[1,]' }),
  put('JSON of NaN', '/v1/kv/body', { ...badValue, headers: json, body: 'NaN' }),
  put('JSON with a byte order mark', '/v1/kv/body', { ...badValue, headers: json, body: '\ufeff1' }),
  put('JSON that is not UTF-8', '/v1/kv/body', {
    ...badValue,
    headers: json,
    body: Buffer.from([0x22, 0xff, 0x22]),
  }),
  put('JSON as deep as may be', '/v1/kv/deep', { ...created, headers: json, body: nested(jsonDepthMax) }),
  put('JSON one too deep', '/v1/kv/body', { ...badValue, headers: json, body: nested(jsonDepthMax + 1) }),
  put('JSON of 250,000 brackets', '/v1/kv/body', { ...badValue, headers: json, body: nested(250_000) }),
  put('a __proto__ in JSON', '/v1/kv/proto', {
    ...created,
    headers: json,
    body: '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
  }),
  put('a vendor type of JSON that is none', '/v1/kv/body', {
    ...badValue,
    headers: { 'content-type': 'application/vnd.x+json' },
    body: '<x/>',
  }),
  put('no media type at all', '/v1/kv/body', {
    status: 415,
    code: 'unsupported-media-type',
    headers: { 'content-type': 'json' },
    body: '1',
  }),
  put('a media type without end', '/v1/kv/body', {
    status: 415,
    code: 'unsupported-media-type',
    headers: { 'content-type': `text/${'x'.repeat(300)}` },
  }),
  put('a compressed body', '/v1/kv/body', {
    status: 415,
    code: 'unsupported-media-type',
    headers: { ...json, 'content-encoding': 'gzip' },
    body: Buffer.from([0x1f, 0x8b]),
  }),
];

export const parameterCases: Case[] = [
  ...['-1', '0', '1.5', 'NaN', '1e3', '', '9007199254740992', '99999999999999999999', ' 5', '0x10'].map(
    (ttl) => put(`ttl=${ttl}`, `/v1/kv/p?ttl=${encodeURIComponent(ttl)}`, { ...badParameter, says: 'ttl' }),
  ),
  put('a ttl over ten years', `/v1/kv/p?ttl=${ttlSecondsMax + 1}`, {
    ...badParameter,
    says: `${ttlSecondsMax}`,
  }),
  put('a ttl of ten years', `/v1/kv/ttl?ttl=${ttlSecondsMax}`, created),
  put('an ack that is none', '/v1/kv/p?ack=quorum', { ...badParameter, says: 'majority' }),
  put('an ack of capitals', '/v1/kv/p?ack=ALL', { ...badParameter, says: 'ack' }),
  put('an unknown parameter', '/v1/kv/p?tll=5', { ...badParameter, says: 'tll' }),
  put('a parameter named __proto__', '/v1/kv/p?__proto__=1', { ...badParameter, says: '__proto__' }),
  put('a parameter twice', '/v1/kv/p?ttl=5&ttl=6', { ...badParameter, says: 'ttl' }),
  put('a parameter that is not UTF-8', '/v1/kv/p?ack=%FF', { ...badParameter, says: 'ack' }),
  put('a read level on a write', '/v1/kv/p?consistency=leader', { ...badParameter, says: 'consistency' }),
  get('a consistency that is none', '/v1/kv/p?consistency=strongish', {
    ...badParameter,
    says: 'consistency',
  }),
  get('a limit of 0', '/v1/kv?limit=0', { ...badParameter, says: 'limit' }),
  get('a limit of 1001', '/v1/kv?limit=1001', { ...badParameter, says: '1000' }),
  get('a limit of −1', '/v1/kv?limit=-1', { ...badParameter, says: 'limit' }),
  get('a limit of 2^53', '/v1/kv?limit=9007199254740992', { ...badParameter, says: 'limit' }),
  get('values=maybe', '/v1/kv?values=maybe', { ...badParameter, says: 'values' }),
  get('a prefix without end', `/v1/kv?prefix=${'p'.repeat(600)}`, { ...badParameter, says: 'prefix' }),
  get('a prefix that is not UTF-8', '/v1/kv?prefix=%FF', { ...badParameter, says: 'prefix' }),
  get('an unknown parameter of a listing', '/v1/kv?offset=5', { ...badParameter, says: 'offset' }),
  ...['x', 'AAAA', '%00', '!!!!', 'null', 'A'.repeat(4000)].map((cursor) =>
    get(`the cursor ${cursor.slice(0, 10)}`, `/v1/kv?cursor=${cursor}`, {
      status: 400,
      code: 'invalid-cursor',
    }),
  ),
  get('a shard that is no number', '/v1/shards/x', badParameter),
  get('a shard of −1', '/v1/shards/-1', badParameter),
  get('a shard that there is not', '/v1/shards/99', { status: 404, code: 'not-found' }),
  get('a parameter of the cluster view', '/v1/cluster?x=1', badParameter),
];

export const headerCases: Case[] = [
  put('an If-Match without quotes', '/v1/kv/h', {
    ...badParameter,
    headers: { ...text, 'if-match': '3-120' },
    says: 'If-Match',
  }),
  put('an If-Match that ends early', '/v1/kv/h', {
    ...badParameter,
    headers: { ...text, 'if-match': '"3-120' },
  }),
  put('an empty If-Match', '/v1/kv/h', { ...badParameter, headers: { ...text, 'if-match': '' } }),
  put('an If-None-Match of * and more', '/v1/kv/h', {
    ...badParameter,
    headers: { ...text, 'if-none-match': '*, "1-1"' },
  }),
  put('1,000 entity tags', '/v1/kv/h', {
    ...badParameter,
    headers: { ...text, 'if-match': Array.from({ length: 1000 }, () => '"1-1"').join(',') },
  }),
  put('an If-Match on nothing', '/v1/kv/h', {
    status: 412,
    code: 'precondition-failed',
    headers: { ...text, 'if-match': '*' },
  }),
  put('a weak If-Match', '/v1/kv/witness%2F0', {
    status: 412,
    code: 'precondition-failed',
    headers: { ...text, 'if-match': 'W/"1-1"' },
  }),
  put('an Idempotency-Key of 129 characters', '/v1/kv/h', {
    ...badParameter,
    headers: { ...text, 'idempotency-key': 'k'.repeat(129) },
    says: 'Idempotency-Key',
  }),
  put('an Idempotency-Key with a space', '/v1/kv/h', {
    ...badParameter,
    headers: { ...text, 'idempotency-key': 'a b' },
  }),
  put('an Idempotency-Key that is not ASCII', '/v1/kv/h', {
    ...badParameter,
    headers: { ...text, 'idempotency-key': 'é' },
  }),
  put('an empty Idempotency-Key', '/v1/kv/h', {
    ...badParameter,
    headers: { ...text, 'idempotency-key': '' },
  }),
  get('an If-None-Match that is none', '/v1/kv/witness%2F0', {
    ...badParameter,
    headers: { ...text, 'if-none-match': 'x' },
  }),
];

export const routeCases: Case[] = [
  get('a path that there is not', '/v2/kv/a', { status: 404, code: 'not-found' }),
  get('the root', '/', { status: 404, code: 'not-found' }),
  get('a key behind an escaped slash of the route', '/v1%2Fkv/a', { status: 404, code: 'not-found' }),
  ...['PATCH', 'POST', 'OPTIONS', 'PROPFIND', 'TRACE'].map(
    (method): Case => ({
      name: `${method} of a key`,
      method,
      path: '/v1/kv/a',
      status: 405,
      code: 'method-not-allowed',
      has: { allow: 'DELETE, GET, HEAD, PUT' },
    }),
  ),
  { name: 'DELETE of all keys', method: 'DELETE', path: '/v1/kv', status: 405, code: 'method-not-allowed' },
  get('GET of a batch', '/v1/batch', { status: 405, code: 'method-not-allowed', has: { allow: 'POST' } }),
  post('a counter without a verb', '/v1/counters/c', {}, { status: 404, code: 'not-found' }),
  post('a counter without a key', '/v1/counters//increment', {}, badKey),
  get('an admin page that there is not', '/v1/admin/x', { status: 404, code: 'not-found' }),
  get('members with a query', '/v1/admin/members?all', badParameter),
];

export const documentCases: Case[] = [
  post('batch: no body', '/v1/batch', '', {}),
  post('batch: not JSON', '/v1/batch', '{', {}),
  post('batch: a list', '/v1/batch', '[]', {}),
  post('batch: null', '/v1/batch', 'null', {}),
  post('batch: no operations', '/v1/batch', { operations: [] }, { says: 'operations' }),
  post('batch: operations that are a text', '/v1/batch', { operations: 'all' }, { says: 'operations' }),
  post(
    'batch: 1,001 operations',
    '/v1/batch',
    { operations: Array(1001).fill({ op: 'delete', key: 'n' }) },
    {},
  ),
  post(
    'batch: an unknown member',
    '/v1/batch',
    { operations: [{ op: 'delete', key: 'n' }], atomic: true },
    {},
  ),
  post('batch: deep JSON', '/v1/batch', `{"operations":${nested(100_000)}}`, { says: 'deeper' }),
  post('batch: another media type', '/v1/batch', 'x', {
    status: 415,
    code: 'unsupported-media-type',
    headers: text,
  }),
  post('batch: more than 8 MiB', '/v1/batch', ' '.repeat(requestBytesMax + 1), {
    status: 413,
    code: 'value-too-large',
  }),
  batch('an unknown operation', { op: 'rename', key: 'a' }),
  batch('a number as an operation', 5),
  batch('a key that is a number', { op: 'delete', key: 5 }),
  batch('an unknown member of an operation', { op: 'put', key: 'a', value: 1, colour: 'red' }),
  batch('a __proto__ of an operation', JSON.parse('{"op":"delete","key":"n","__proto__":{"op":"put"}}')),
  batch('a negative ttl', { op: 'put', key: 'a', value: 1, ttl: -1 }, { says: 'ttl' }),
  batch('a step of 1.5', { op: 'increment', key: 'c', by: 1.5 }, { says: 'by' }),
  post('a step that is a text', '/v1/counters/c/increment', { by: '5' }, { says: 'by' }),
  post('a step of 2^53', '/v1/counters/c/increment', '{"by":9007199254740992}', { says: 'by' }),
  post('a step of 1e400', '/v1/counters/c/increment', '{"by":1e400}', { says: 'by' }),
  post('an unknown member of a step', '/v1/counters/c/increment', { by: 1, to: 5 }, {}),
  post('a step as text', '/v1/counters/c/increment', '1', {
    status: 415,
    code: 'unsupported-media-type',
    headers: text,
  }),
  post('a counter of a text', '/v1/counters/witness%2F0/increment', '', {
    headers: {},
    status: 409,
    code: 'not-a-counter',
  }),
  post('data without a key', '/data', { value: 1 }, { says: 'key' }),
  post('data without a value', '/data', { key: 'd' }, { says: 'value' }),
  post('data with an empty key', '/data', { key: '', value: 1 }, badKey),
  post('data with a lone surrogate', '/data', '{"key":"\\ud800","value":1}', badKey),
  post('data that is no document', '/data', '"x"', {}),
];

/** What no HTTP client would send: bytes on the wire. */
export const wireCases: { name: string; bytes: string; status: number; code?: string }[] = [
  { name: 'no HTTP at all', bytes: 'hello\r\n\r\n', status: 400, code: 'bad-request' },
  { name: 'a TLS greeting', bytes: '\x16\x03\x01\x02\x00\x01', status: 400, code: 'bad-request' },
  {
    name: 'a NUL in a header',
    bytes: 'GET /v1/kv/a HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n',
    status: 400,
    code: 'bad-request',
  },
  {
    name: 'two lengths',
    bytes: 'PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    status: 400,
    code: 'bad-request',
  },
  {
    name: 'a length and chunks (request smuggling)',
    bytes:
      'PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n' +
      '0\r\n\r\nGET /v1/kv/b HTTP/1.1\r\nHost: x\r\n\r\n',
    status: 400,
    code: 'bad-request',
  },
  {
    name: 'a negative length',
    bytes: 'PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
    status: 400,
    code: 'bad-request',
  },
  {
    name: '20 KiB of headers',
    bytes: `GET /v1/kv/a HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20 * 1024)}\r\n\r\n`,
    status: 400,
    code: 'bad-request',
  },
  {
    name: 'an absolute target',
    bytes: 'GET http://elsewhere/v1/kv/witness%2F0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    status: 200,
  },
  {
    name: 'a space in the target',
    bytes: 'GET /v1/kv/a b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    status: 400,
    code: 'bad-request',
  },
];
