/**
 * As much of Redis' protocol as SET and WAIT need: commands as arrays of bulk strings, answers of one line
 * (https://redis.io/docs/latest/develop/reference/protocol-spec/). Commands of one turn of the event loop
 * leave in one write. A client library costs more per command; the peer gets the benefit.
 */
import { connect, type Socket } from 'node:net';

interface Waiting {
  resolve(answer: string): void;
  reject(error: Error): void;
}

export class RedisConnection {
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  #toSend = '';
  #received = '';

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.setEncoding('utf8');
    this.#socket.on('data', (text: string) => this.#receive(text));
  }

  /** Resolves with the answer's text: `OK`, a number. */
  send(words: readonly string[]): Promise<string> {
    if (this.#toSend === '') setImmediate(() => this.#flush());
    this.#toSend += `*${words.length}\r\n`;
    for (const word of words) this.#toSend += `$${Buffer.byteLength(word)}\r\n${word}\r\n`;
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  close(): void {
    this.#socket.destroy();
  }

  #flush(): void {
    this.#socket.write(this.#toSend);
    this.#toSend = '';
  }

  #receive(text: string): void {
    const lines = (this.#received + text).split('\r\n');
    this.#received = lines.pop() ?? '';
    for (const line of lines) {
      const { resolve, reject } = this.#waiting.shift() as Waiting;
      if (line.startsWith('-')) reject(new Error(`Redis: ${line.slice(1)}`));
      else resolve(line.slice(1));
    }
  }
}
