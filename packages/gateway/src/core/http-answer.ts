/**
 * An answer of HTTP/1.1 out of the bytes of a connection, which come in pieces that end anywhere (RFC 9112).
 * Nodes tell how long a body is, and mostly all of an answer comes at once; what proxies in between make of
 * it, chunks or a body that ends with the connection, is understood as well.
 */
import { Buffer } from 'node:buffer';

export interface HttpAnswer {
  status: number;
  /** Bytes of its own. */
  body: Buffer;
  /** The connection takes another request. */
  isKept: boolean;
}

interface Head {
  status: number;
  isKept: boolean;
  /** Length of the body; undefined: it ends with the connection, if it doesn't come in chunks. */
  bytes: number | undefined;
  isChunked: boolean;
}

const headEndMark = '\r\n\r\n';
const headBytesMax = 64 * 1024;
const lineCharsMax = 4096;
const newline = 0x0a;

/** Reads one answer. Throws `SyntaxError` on bytes that are none. */
export class AnswerReader {
  #head: Head | undefined;
  /** Of a head that isn't whole, or of the body. */
  #parts: Buffer[] = [];
  #bytes = 0;
  #chunked: ChunkedBody | undefined;

  /** The answer, when it is whole with this piece, which may be written over afterwards. */
  read(piece: Buffer): HttpAnswer | undefined {
    if (this.#head !== undefined) return this.#readBody(this.#head, piece);
    const received = this.#parts.length === 0 ? piece : Buffer.concat([...this.#parts, piece]);
    const end = received.indexOf(headEndMark, 0, 'latin1');
    if (end < 0) {
      if (received.length > headBytesMax) throw new SyntaxError('The head of an answer does not end.');
      this.#parts = [Buffer.from(received)];
      return undefined;
    }
    this.#parts = [];
    const head = headOf(received.toString('latin1', 0, end));
    const rest = received.subarray(end + headEndMark.length);
    // One that says "go on" comes before the answer.
    if (head.status < 200) return this.read(rest);
    this.#head = head;
    return this.#readBody(head, rest);
  }

  /** The connection has ended: the answer that ends with it, or undefined where one is owed. */
  end(): HttpAnswer | undefined {
    const head = this.#head;
    if (head === undefined || head.isChunked || head.bytes !== undefined) return undefined;
    return { status: head.status, body: Buffer.concat(this.#parts), isKept: false };
  }

  #readBody({ status, isKept, bytes, isChunked }: Head, piece: Buffer): HttpAnswer | undefined {
    if (isChunked) {
      this.#chunked ??= new ChunkedBody();
      const left = this.#chunked.read(piece);
      if (left === undefined) return undefined;
      return { status, body: Buffer.concat(this.#chunked.parts), isKept: isKept && left === 0 };
    }
    this.#bytes += piece.length;
    if (this.#bytes > 0 || bytes === undefined) this.#parts.push(Buffer.from(piece));
    if (bytes === undefined || this.#bytes < bytes) return undefined;
    const [first] = this.#parts;
    const body = first && this.#parts.length === 1 ? first : Buffer.concat(this.#parts);
    // What comes unasked after an answer belongs to nothing.
    return { status, body: body.subarray(0, bytes), isKept: isKept && this.#bytes === bytes };
  }
}

function headOf(text: string): Head {
  const version = /^HTTP\/1\.([01]) ([1-9]\d\d)/.exec(text);
  if (version === null) throw new SyntaxError('Not an answer of HTTP/1.1.');
  const status = Number(version[2]);
  const length = /\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*(?:\r\n|$)/i.exec(text);
  const isChunked = /\r\ntransfer-encoding:[ \t]*chunked[ \t]*(?:\r\n|$)/i.test(text);
  if (!isChunked && /\r\ntransfer-encoding:/i.test(text))
    throw new SyntaxError('An unknown transfer coding.');
  if (isChunked && length !== null) throw new SyntaxError('An answer of two lengths.');
  const isBare = status === 204 || status === 304;
  const bytes = length === null ? undefined : Number(length[1]);
  const isKept = version[1] === '1' && !/\r\nconnection:[ \t]*close/i.test(text);
  return { status, isKept, bytes: isBare ? 0 : bytes, isChunked: isChunked && !isBare };
}

class ChunkedBody {
  readonly parts: Buffer[] = [];
  #expects: 'size' | 'data' | 'break' | 'trailer' = 'size';
  /** Bytes of a chunk that are to come. */
  #missing = 0;
  #line = '';

  /** Undefined until the body is whole; then how many bytes came after it. */
  read(piece: Buffer): number | undefined {
    let at = 0;
    while (at < piece.length) {
      if (this.#expects === 'data') {
        const data = piece.subarray(at, at + this.#missing);
        this.parts.push(Buffer.from(data));
        at += data.length;
        this.#missing -= data.length;
        if (this.#missing === 0) this.#expects = 'break';
        continue;
      }
      const end = piece.indexOf(newline, at);
      this.#line += piece.toString('latin1', at, end < 0 ? piece.length : end);
      if (this.#line.length > lineCharsMax) throw new SyntaxError('A line of a chunked body does not end.');
      if (end < 0) return undefined;
      at = end + 1;
      if (this.#lineCame(this.#line.replace(/\r$/, ''))) return piece.length - at;
      this.#line = '';
    }
    return undefined;
  }

  /** True when it was the last. */
  #lineCame(line: string): boolean {
    switch (this.#expects) {
      case 'size': {
        const size = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i.exec(line)?.[1];
        if (size === undefined) throw new SyntaxError('A chunk has no size.');
        this.#missing = Number.parseInt(size, 16);
        this.#expects = this.#missing === 0 ? 'trailer' : 'data';
        return false;
      }
      case 'trailer':
        return line === '';
      default:
        if (line !== '') throw new SyntaxError('A chunk is longer than its size.');
        this.#expects = 'size';
        return false;
    }
  }
}
