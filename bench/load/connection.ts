/**
 * One HTTP/1.1 connection on a raw socket with one request at a time; opened again when the server closes it
 * after an answer. Written for little CPU, since it shares the cores with what it measures: what it reads
 * goes through one buffer that all connections share, and nothing is made for an answer.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { AnswerHead } from './answer-head.ts';

/** What is read is looked at before anything else is read. */
const buffer = Buffer.allocUnsafe(64 * 1024);
const head = new AnswerHead();

export type OnAnswer = (connection: Connection, status: number) => void;

export class Connection {
  /** Of its last request: when it was due, and sent. For who drives it. */
  dueMs = 0;
  sentMs = 0;
  /** An answer is owed. */
  isAwaiting = false;
  onAnswer: OnAnswer = () => {};
  readonly #port: number;
  #socket: Socket | undefined;
  /** Of a head that is not whole yet. */
  #received: Buffer | undefined;
  /** Bytes of the answer that are to come, once its head is known. */
  #missing = 0;
  #status = 0;
  #closes = false;

  constructor(port: number) {
    this.#port = port;
  }

  /** Resolves when it is connected; `send` opens one that isn't. */
  async opened(): Promise<void> {
    this.#socket = this.#open();
    await once(this.#socket, 'connect');
  }

  /**
   * Waits for the answer: one at a time. True: all of it has gone out, and its buffer may be written again.
   */
  send(request: Buffer): boolean {
    this.#socket ??= this.#open();
    this.isAwaiting = true;
    this.#socket.write(request);
    return this.#socket.writableLength === 0;
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }

  #open(): Socket {
    const callback = (bytes: number): boolean => {
      this.#receive(bytes);
      return true;
    };
    const onread = { buffer, callback };
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true, onread });
    socket.on('error', (error) => {
      throw error;
    });
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      if (this.isAwaiting) throw new Error(`port ${this.#port} closed a connection and owed an answer`);
      this.#socket = undefined;
    });
    return socket;
  }

  /** So many bytes are in the buffer. */
  #receive(bytes: number): void {
    if (this.#missing > 0) {
      this.#bodyCame(bytes);
      return;
    }
    const whole =
      this.#received === undefined ? buffer : Buffer.concat([this.#received, buffer.subarray(0, bytes)]);
    const length = this.#received === undefined ? bytes : whole.length;
    if (!head.read(whole, length)) {
      this.#received = Buffer.from(whole.subarray(0, length));
      return;
    }
    this.#received = undefined;
    this.#status = head.status;
    this.#closes = head.closes;
    this.#missing = head.bytes;
    this.#bodyCame(length);
  }

  #bodyCame(bytes: number): void {
    this.#missing -= bytes;
    if (this.#missing > 0) return;
    this.#missing = 0;
    this.isAwaiting = false;
    if (this.#closes) this.close();
    this.onAnswer(this, this.#status);
  }
}
