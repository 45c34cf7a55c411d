/**
 * One HTTP/1.1 connection on a raw socket with one request at a time; opened again when the server closes it
 * after an answer. Written for little CPU, since it shares the cores with what it measures.
 */
import { connect, type Socket } from 'node:net';

const readBytes = 16 * 1024;
const headEndMark = '\r\n\r\n';

export class Connection {
  readonly #port: number;
  readonly #onAnswer: (connection: Connection, ok: boolean) => void;
  readonly #buffer = Buffer.allocUnsafe(readBytes);
  #socket: Socket | undefined;
  #received: Buffer | undefined;
  #isAwaiting = false;

  constructor(port: number, onAnswer: (connection: Connection, ok: boolean) => void) {
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
    const bytes = buffer.subarray(0, length);
    const received = this.#received === undefined ? bytes : Buffer.concat([this.#received, bytes]);
    const outcome = outcomeOf(received);
    if (outcome === undefined) {
      // The buffer is read into again.
      this.#received = Buffer.from(received);
      return;
    }
    this.#received = undefined;
    this.#isAwaiting = false;
    if (outcome.closes) this.close();
    this.#onAnswer(this, outcome.ok);
  }
}

/** Of a whole answer; undefined while more of it is to come. */
function outcomeOf(received: Buffer): { ok: boolean; closes: boolean } | undefined {
  const headEnd = received.indexOf(headEndMark);
  if (headEnd < 0) return undefined;
  const head = received.toString('latin1', 0, headEnd);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) throw new Error(`An answer without Content-Length:\n${head}`);
  if (received.length < headEnd + headEndMark.length + Number(length)) return undefined;
  return { ok: /^HTTP\/1\.[01] 2/.test(head), closes: /\r\nconnection: *close/i.test(head) };
}
