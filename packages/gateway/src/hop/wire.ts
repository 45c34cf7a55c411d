/**
 * One connection of HTTP/1.1 to a node, which is kept: a request of one frame at a time, written at once, and
 * its answer. The hop's requests are all alike, so a general client's machinery for each of them (streams,
 * promises, a parser's callbacks) would cost several times as much as they do.
 */
import { Buffer } from 'node:buffer';
import { type Socket, connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { AnswerReader, type HttpAnswer } from '../core/http-answer.ts';

export interface WireRequest {
  /** Head and frame, as they go out. */
  bytes: Buffer;
  /** Monotonic time when its answer is too late, milliseconds. */
  deadlineAt: number;
  /** Called once: with the answer or with what went wrong. */
  settle(outcome: HttpAnswer | Error): void;
}

const readBytes = 64 * 1024;

export class Wire {
  /** When its last request ended, monotonic. */
  idleSince = 0;
  readonly #socket: Socket;
  readonly #ended: (wire: Wire, isKept: boolean) => void;
  /** Monotonic time by which it must be connected, milliseconds. */
  readonly #connectBy: number;
  #reader: AnswerReader | undefined;
  #request: WireRequest | undefined;
  #isConnected = false;
  #isOver = false;

  /** `ended`: its request has ended, or it has closed for good (not kept): then it says so once. */
  constructor(url: URL, connectBy: number, ended: (wire: Wire, isKept: boolean) => void) {
    this.#connectBy = connectBy;
    this.#ended = ended;
    // One buffer for all that is read, instead of a stream that allocates for every answer.
    const buffer = Buffer.allocUnsafe(readBytes);
    const callback = (length: number): boolean => {
      this.#received(buffer.subarray(0, length));
      return true;
    };
    const isTls = url.protocol === 'https:';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port);
    const options = { host, port, noDelay: true, onread: { buffer, callback } };
    this.#socket = isTls ? tlsConnect({ ...options, servername: host }) : tcpConnect(options);
    this.#socket.once(isTls ? 'secureConnect' : 'connect', () => {
      this.#isConnected = true;
    });
    this.#socket.on('error', (error) => this.fail(error));
    this.#socket.on('end', () => this.#closed());
    this.#socket.on('close', () => this.#closed());
  }

  /** One at a time. */
  send(request: WireRequest): void {
    this.#request = request;
    this.#reader = new AnswerReader();
    this.#socket.write(request.bytes);
  }

  /** One without a request under way. */
  close(): void {
    this.fail(new Error('closed on purpose'));
  }

  /** To be called now and then: looks at time-outs. */
  sweep(now: number): void {
    if (!this.#isConnected && now >= this.#connectBy) this.fail(new Error('connecting took too long'));
    else if (this.#request !== undefined && now >= this.#request.deadlineAt)
      this.fail(new Error('no answer in time'));
  }

  /** Ends it, and its request with it. */
  fail(cause: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#socket.destroy();
    // Until it is connected, nothing of a request has gone out.
    const error = this.#isConnected ? cause : new NotConnected(cause);
    this.#settle(error, false);
  }

  #received(piece: Buffer): void {
    if (this.#isOver) return;
    try {
      const answer = this.#reader?.read(piece);
      if (answer !== undefined) this.#answered(answer);
      else if (this.#reader === undefined) this.fail(new Error('bytes came that nobody had asked for'));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.fail(error);
    }
  }

  #answered(answer: HttpAnswer): void {
    if (!answer.isKept) {
      this.#isOver = true;
      this.#socket.destroy();
    }
    this.#settle(answer, answer.isKept);
  }

  #closed(): void {
    if (this.#isOver) return;
    const answer = this.#reader?.end();
    if (answer === undefined) this.fail(new Error('the connection was closed'));
    else this.#answered(answer);
  }

  #settle(outcome: HttpAnswer | Error, isKept: boolean): void {
    const request = this.#request;
    this.#request = undefined;
    this.#reader = undefined;
    this.#ended(this, isKept);
    request?.settle(outcome);
  }
}

/** There was no connection: nothing was sent. */
export class NotConnected extends Error {
  constructor(cause: unknown) {
    super('There was no connection.', { cause });
    this.name = 'NotConnected';
  }
}
