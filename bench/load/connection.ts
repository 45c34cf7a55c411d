/**
 * One HTTP/1.1 connection on a raw socket with one request at a time; opened again when the server closes it
 * after an answer. Written for little CPU, since it shares the cores with what it measures.
 */
import { connect, type Socket } from 'node:net';

const readBytes = 16 * 1024;
const headEndMark = '\r\n\r\n';

export type OnAnswer = (connection: Connection, status: number) => void;

export class Connection {
  readonly #port: number;
  readonly #onAnswer: OnAnswer;
  readonly #buffer = Buffer.allocUnsafe(readBytes);
  #socket: Socket | undefined;
  /** Of a head that is not whole yet. */
  #received: Buffer | undefined;
  #answer: Answer | undefined;
  /** Bytes of the answer's body that are to come. */
  #missing = 0;
  #isAwaiting = false;

  constructor(port: number, onAnswer: OnAnswer) {
    this.#port = port;
    this.#onAnswer = onAnswer;
  }

  /** Waits for the answer: one at a time. */
  send(request: Buffer): void {
    this.#socket ??= this.#open();
    this.#isAwaiting = true;
    this.#socket.write(request);
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }

  #open(): Socket {
    // One buffer for all that is read, instead of a stream that allocates for every answer.
    const callback = (length: number, buffer: Uint8Array): boolean => {
      this.#receive(buffer as Buffer, length);
      return true;
    };
    const onread = { buffer: this.#buffer, callback };
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true, onread });
    socket.on('error', (error) => {
      throw error;
    });
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      if (this.#isAwaiting) throw new Error(`port ${this.#port} closed a connection and owed an answer`);
      this.#socket = undefined;
    });
    return socket;
  }

  #receive(buffer: Buffer, length: number): void {
    if (this.#answer !== undefined) {
      this.#bodyCame(this.#answer, length);
      return;
    }
    const bytes = buffer.subarray(0, length);
    const received = this.#received === undefined ? bytes : Buffer.concat([this.#received, bytes]);
    const answer = answerOf(received);
    // The buffer is read into again.
    this.#received = answer === undefined ? Buffer.from(received) : undefined;
    if (answer === undefined) return;
    this.#missing = answer.bytes;
    this.#bodyCame(answer, received.length);
  }

  #bodyCame(answer: Answer, bytes: number): void {
    this.#missing -= bytes;
    this.#answer = this.#missing > 0 ? answer : undefined;
    if (this.#answer !== undefined) return;
    this.#isAwaiting = false;
    if (answer.closes) this.close();
    this.#onAnswer(this, answer.status);
  }
}

interface Answer {
  status: number;
  /** Head and body. */
  bytes: number;
  closes: boolean;
}

/** What a head says; undefined while more of it is to come. */
function answerOf(received: Buffer): Answer | undefined {
  const headEnd = received.indexOf(headEndMark);
  if (headEnd < 0) return undefined;
  const head = received.toString('latin1', 0, headEnd);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
  if (length === undefined || status === undefined) throw new Error(`Not an answer with a length:\n${head}`);
  const bytes = headEnd + headEndMark.length + Number(length);
  return { status: Number(status), bytes, closes: /\r\nconnection: *close/i.test(head) };
}
