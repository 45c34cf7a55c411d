/**
 * Whatever bytes a client sends, in whatever pieces: what it gets, and what handlers see, is as if Node had
 * read it all. The one difference that is meant: Node gives up the answers that it owes when something that
 * is no HTTP follows on their heels, and here they come before the refusal.
 */

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { get, PlainApp, put, RawClient } from './testing/plain-app.ts';

let plain: PlainApp;
/** Every request waits for a turn of the event loop. */
let putOff: PlainApp;
let node: PlainApp;
beforeAll(async () => {
  [plain, putOff, node] = await Promise.all([
    PlainApp.start(),
    PlainApp.start({ turnRequestsMax: 0 }),
    PlainApp.start({ isPlain: false }),
  ]);
});
afterAll(async () => {
  await Promise.all([plain.stop(), putOff.stop(), node.stop()]);
});

/** Its answer ends the connection, if the bytes before it have left that open. */
const last = get('/way/last', 'Connection: close\r\n');
/** Ends every head and fills every body that the bytes before may have begun, and is no request itself. */
const filler = `\r\n\r\n${'X'.repeat(100)}\r\n\r\n`.repeat(3);

interface Outcome {
  /** Without what is of the time. */
  readonly answers: string[];
  readonly seen: string[];
}

async function outcomeOf(app: PlainApp, pieces: readonly string[]): Promise<Outcome> {
  app.seen.length = 0;
  const client = new RawClient(app.port);
  const isSent = await client.send(...pieces).catch(() => undefined);
  await client.closed;
  // What the server closes under a client that still sends is lost on its way, sometimes with the answer.
  if (isSent === undefined && pieces.length > 1) return outcomeOf(app, [pieces.join('')]);
  await expect.poll(() => app.metric('http_requests_in_flight')).toBe(0);
  // Node hands on a request without a body while it still gathers the body of the one before.
  return { answers: client.answers.map(shown), seen: app.seen.toSorted() };
}

/** Ends a connection because of what came, whoever writes it: we, or Node where Host is missing. */
const refusedUnread = '400, unread';

function shown(answer: string): string {
  if (answer.startsWith('HTTP/1.1 400') && !answer.includes('"instance"')) return refusedUnread;
  const end = answer.indexOf('\r\n\r\n');
  const [line = '', ...fields] = answer.slice(0, end).split('\r\n');
  const body = answer.slice(end);
  const isNamed = body.includes('"instance"');
  const names = fields.map((field) => {
    const name = field.toLowerCase();
    return name.startsWith('date') || (isNamed && name.startsWith('content-length')) ? '' : name;
  });
  return [line, ...names.sort(), body.replace(/"instance":"[^"]+"/, 'instance')].join('\n');
}

function expectSame(ours: Outcome, theirs: Outcome): void {
  expect(ours.seen).toEqual(theirs.seen);
  const both = [ours, theirs];
  if (!both.some(isRefused)) {
    expect(ours.answers).toEqual(theirs.answers);
    return;
  }
  // Whether Node still gets to refuse what comes behind an answer that ends the connection is chance.
  for (const one of both)
    expect(isRefused(one) || one.answers.at(-1)?.includes('connection: close')).toBe(true);
  const [came = [], owed = []] = both.map(({ answers }) => answers.filter((one) => one !== refusedUnread));
  const shared = Math.min(came.length, owed.length);
  expect(came.slice(0, shared)).toEqual(owed.slice(0, shared));
}

const isRefused = ({ answers }: Outcome): boolean => answers.at(-1) === refusedUnread;

const method = fc.constantFrom('GET', 'PUT', 'PUT', 'PUT', 'HEAD', 'DELETE', 'get', 'POST');
const target = fc.oneof(
  { weight: 3, arbitrary: fc.constant('/way/a') },
  fc.constantFrom('/way/b?c', '/way/%61', '/way/a#b', '/other', '/way/refused', '*', 'http://test/way/a'),
);
const version = fc.oneof(
  { weight: 5, arbitrary: fc.constant('HTTP/1.1') },
  fc.constantFrom('HTTP/1.0', 'HTTP/2.0', 'http/1.1', 'HTTP/1.1 ', 'HTTP/1.12'),
);
const endOfLine = fc.oneof(
  { weight: 15, arbitrary: fc.constant('\r\n') },
  fc.constantFrom('\n', '\r', '\r\r\n', ' \r\n'),
);
const header = fc.oneof(
  fc.constantFrom(
    'Host: test',
    'Content-Length: 3',
    'Content-Length: 3',
    'Content-Length: 5',
    'Content-Length:   3  ',
    'Content-Length:3',
    'Content-Length: 3\t',
    'Content-Length: 0',
    'Content-Length: +3',
    'Content-Length: 3, 3',
    'Content-Length: 03',
    'Content-Length: 0x3',
    'Content-Length : 3',
    'Content-Length: 99999999999999999999',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: identity',
    'Transfer-Encoding:\x0bchunked',
    'Connection: keep-alive',
    'Connection: close',
    'Connection: Content-Length',
    'Expect: 100-continue',
    'Upgrade: h2c',
    'Content-Type: text/plain',
    'X-A: b',
    ' folded: yes',
    '\tfolded',
    'X-Nul: \0',
    'no colon',
    ': no name',
    '',
  ),
  fc
    .tuple(fc.constantFrom('X-A', 'Host', 'X_b'), fc.string({ maxLength: 6 }))
    .map(([name, value]) => `${name}: ${value}`),
);
/** What mostly isn't a request, but might be taken for one. */
const strange = fc
  .tuple(
    method,
    target,
    version,
    fc.array(fc.tuple(header, endOfLine), { maxLength: 5 }),
    fc.constantFrom('', 'abc', '0\r\n\r\n', '3\r\nabc\r\n0\r\n\r\n'),
  )
  .map(([verb, path, protocol, fields, body]) => {
    const lines = fields.map(([text, end]) => text + end).join('');
    return `${verb} ${path} ${protocol}\r\nHost: test\r\n${lines}\r\n${body}`;
  });
const path = fc.constantFrom('/way/a', '/way/b?c=d', '/way/refused', '/way/unchanged', '/way/text');
const plainRequest = fc.oneof(
  path.map((one) => get(one)),
  fc
    .tuple(path, fc.string({ maxLength: 60 }))
    .map(([one, text]) => put(one, Buffer.from(text).toString('latin1'))),
);
/** A plain one with a few bytes other than they should be. */
const damaged = fc
  .tuple(
    plainRequest,
    fc.array(
      fc.record({
        at: fc.nat(),
        removed: fc.nat(2),
        added: fc.constantFrom(
          '',
          '\r',
          '\n',
          '\0',
          ' ',
          '\t',
          ':',
          '0',
          '\x80',
          '\r\n',
          'Content-Length: 1\r\n',
        ),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([text, edits]) =>
    edits.reduce((current, { at, removed, added }) => {
      const from = at % (current.length + 1);
      return current.slice(0, from) + added + current.slice(from + removed);
    }, text),
  );
const cuts = fc.array(fc.nat(), { maxLength: 6 });

function cut(text: string, places: readonly number[]): string[] {
  const at = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, i) => text.slice(from, at[i])).filter((piece) => piece !== '');
}

test('plain requests in any pieces are answered in order, all of them past Node', async () => {
  const property = fc.asyncProperty(
    fc.array(plainRequest, { minLength: 1, maxLength: 8 }),
    cuts,
    async (requests, places) => {
      const byNode = plain.byNode;
      const [ours, later, theirs] = await Promise.all(
        [plain, putOff, node].map((app) => outcomeOf(app, [...cut(requests.join(''), places), last])),
      );
      expect(ours).toEqual(theirs);
      expect(later).toEqual(theirs);
      // That of the end is not plain.
      expect(plain.byNode - byNode).toBe(1);
    },
  );
  await fc.assert(property, { numRuns: 100 });
});

test('any bytes have the outcome that they have with Node alone', async () => {
  const streams = fc.array(fc.oneof(plainRequest, damaged, strange), { minLength: 1, maxLength: 3 });
  const property = fc.asyncProperty(streams, cuts, async (parts, places) => {
    const pieces = [...cut(parts.join(''), places), last + filler];
    const apps = [plain, putOff, node];
    const [ours, later, theirs] = await Promise.all(apps.map((app) => outcomeOf(app, pieces)));
    expectSame(ours as Outcome, theirs as Outcome);
    expectSame(later as Outcome, theirs as Outcome);
  });
  await fc.assert(property, { numRuns: 500 });
});

const begin = 'PUT /way/a HTTP/1.1\r\nHost: x\r\n';
const two = `GET /way/smuggled HTTP/1.1\r\nHost: x\r\n\r\n`;
test.each([
  ['length and chunks', `${begin}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${two}`],
  ['chunks and length', `${begin}Transfer-Encoding: chunked\r\nContent-Length: 50\r\n\r\n0\r\n\r\n${two}`],
  ['two lengths', `${begin}Content-Length: 0\r\nContent-Length: 41\r\n\r\n${two}`],
  ['the same length twice', `${begin}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc${two}`],
  ['a list of lengths', `${begin}Content-Length: 3, 3\r\n\r\nabc${two}`],
  ['a length with a sign', `${begin}Content-Length: +3\r\n\r\nabc${two}`],
  ['a length in hex', `${begin}Content-Length: 0x3\r\n\r\nabc${two}`],
  ['space before the colon', `${begin}Content-Length : 41\r\n\r\n${two}`],
  ['a folded line', `${begin}X: a\r\n Content-Length: 41\r\n\r\n${two}`],
  ['bare line feeds', `GET /way/a HTTP/1.1\nHost: x\n\n${two}`],
  ['a bare line feed in a value', `GET /way/a HTTP/1.1\r\nHost: x\r\nX: a\nContent-Length: 41\r\n\r\n${two}`],
  ['a bare carriage return', `GET /way/a HTTP/1.1\r\nHost: x\r\nX: a\rContent-Length: 41\r\n\r\n${two}`],
  ['a NUL', `${begin}Content-Length: 3\0\r\n\r\nabc${two}`],
  ['white space first', ` GET /way/a HTTP/1.1\r\nHost: x\r\n\r\n${two}`],
  ['empty lines first', `\r\n\r\nGET /way/a HTTP/1.1\r\nHost: x\r\n\r\n${two}`],
  ['an absolute target', `GET http://other/way/a HTTP/1.1\r\nHost: x\r\n\r\n${two}`],
  ['two spaces', `GET  /way/a HTTP/1.1\r\nHost: x\r\n\r\n${two}`],
  ['two hosts', `GET /way/a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n${two}`],
  ['an unknown coding', `${begin}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${two}`],
  ['a hidden coding', `${begin}Transfer-Encoding:\x0bchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${two}`],
  [
    'a length that the connection names',
    `${begin}Connection: Content-Length\r\nContent-Length: 3\r\n\r\nabc${two}`,
  ],
  ['a read with a body', `GET /way/a HTTP/1.1\r\nHost: x\r\nContent-Length: 41\r\n\r\n${two}`],
  ['a huge head', `GET /way/a HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n${two}`],
  ['very many headers', `GET /way/a HTTP/1.1\r\nHost: x\r\n${'X: a\r\n'.repeat(3000)}\r\n${two}`],
  ['a body that ends in a head', `${begin}Content-Length: ${two.length}\r\n\r\n${two}`],
])('smuggling by %s: as Node has it, whole and byte by byte', async (_, text) => {
  const slow = text.length < 300 ? [...text] : [text.slice(0, 5000), text.slice(5000)];
  for (const pieces of [[text], slow]) {
    const all = [...pieces, last + filler];
    const [ours, theirs] = await Promise.all([plain, node].map((app) => outcomeOf(app, all)));
    expectSame(ours as Outcome, theirs as Outcome);
  }
});
