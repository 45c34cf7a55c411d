import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswerReader, type HttpAnswer } from './http-answer.ts';

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Reads it in pieces that end at these places, each out of a buffer that is written over afterwards. */
function read(
  text: string,
  ends: readonly number[] = [],
): { answer: HttpAnswer | undefined; reader: AnswerReader } {
  const reader = new AnswerReader();
  const places = [...new Set([...ends.map((end) => end % text.length), text.length])].sort((a, b) => a - b);
  let from = 0;
  let answer: HttpAnswer | undefined;
  for (const to of places) {
    const piece = bytesOf(text.slice(from, to));
    answer = reader.read(piece);
    piece.fill(0);
    from = to;
  }
  return { answer, reader };
}

const chunked = (...chunks: string[]): string => {
  const lines = [...chunks, ''].map((chunk) => {
    return `${chunk.length.toString(16)};x=y\r\n${chunk}${chunk && '\r\n'}`;
  });
  return `${lines.join('')}\r\n`;
};

const kinds: [string, string, string, boolean][] = [
  ['of a told length', 'Content-Length: 5\r\nX: y\r\n\r\nhello', 'hello', true],
  ['of no length at all', 'content-length:0\r\n\r\n', '', true],
  [
    'in chunks',
    `Transfer-Encoding: chunked\r\n\r\n${chunked('hel', 'l', 'o'.repeat(20))}`,
    `hell${'o'.repeat(20)}`,
    true,
  ],
  ['the last on its connection', 'connection: close\r\ncontent-length: 2\r\n\r\nok', 'ok', false],
];

describe('an answer', () => {
  it.each(kinds)('%s is read in any pieces', (_, rest, body, isKept) => {
    const text = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Not now\r\nDate: today\r\n${rest}`;
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 8 }), (ends) => {
        const { answer } = read(text, ends);
        expect({ ...answer, body: answer?.body.toString('latin1') }).toEqual({ status: 503, body, isKept });
      }),
    );
  });

  it('without a length ends with its connection, and no other does', () => {
    const open = read('HTTP/1.1 200 OK\r\n\r\nall of ', [3, 20]);
    expect(open.answer).toBeUndefined();
    open.reader.read(bytesOf('it'));
    expect(open.reader.end()).toMatchObject({ status: 200, body: bytesOf('all of it'), isKept: false });
    for (const text of ['HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell', 'HTTP/1.1 200 OK\r\n', '']) {
      const cut = text === '' ? new AnswerReader() : read(text).reader;
      expect(cut.end()).toBeUndefined();
    }
    const inChunks = read('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n').reader;
    expect(inChunks.end()).toBeUndefined();
  });

  it('without a body needs no length', () => {
    expect(read('HTTP/1.1 204 No Content\r\n\r\n').answer).toMatchObject({
      status: 204,
      body: Buffer.alloc(0),
    });
  });

  it('with more behind it is cut off, and its connection not used again', () => {
    for (const rest of [
      'content-length: 2\r\n\r\nok',
      `transfer-encoding: chunked\r\n\r\n${chunked('ok')}`,
    ]) {
      const { answer } = read(`HTTP/1.1 200 OK\r\n${rest}HTTP/1.1 200 OK\r\n`);
      expect(answer).toMatchObject({ body: bytesOf('ok'), isKept: false });
    }
  });

  it('of HTTP/1.0 is the last on its connection', () => {
    expect(read('HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n').answer).toMatchObject({ isKept: false });
  });

  it.each([
    ['SSH-2.0-OpenSSH\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'],
    ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n'],
    [`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${'1'.repeat(5000)}`],
    [`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}`],
  ])('%j is none', (text) => {
    expect(() => read(text)).toThrow(SyntaxError);
  });
});
