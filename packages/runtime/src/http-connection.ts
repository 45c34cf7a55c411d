/**
 * One connection, as long as it brings plain requests (http-plain.ts). One request is served at a time; what
 * comes meanwhile waits for its turn, up to a bound past which the connection isn't read.
 *
 *     idle ──head, no body──▶ serving ──answer──▶ sending ──all sent──▶ idle
 *       │  └─head──▶ receiving ──body──▶ ┘                                │
 *       ├──anything odd, or the server closes──▶ handed over to Node, for good
 *       └──time-out, half a request──▶ over
 *
 * An idle one may hold the beginning of a head (`#held`), or be sent the rest of a body whose request was
 * refused already (`#unwanted`). Or it holds what this turn of the event loop had no room for (`#awaitsTurn`)
 * and is read in a later one (http-turns.ts).
 */
import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { type AnswerSink, PlainExchange } from './http-exchange.ts';
import { HeadReader, type HeadRoutes } from './http-head.ts';
import type { HotRoute, PlainTimeouts } from './http-plain.ts';
import type { ConnectionFault } from './http-problems.ts';
import type { Turning, Turns } from './http-turns.ts';

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly routes: HeadRoutes<HotRoute>;
  readonly timeouts: PlainTimeouts;
  readonly isClosing: boolean;
  readonly turns: Turns;
  /** A head has come. Given: the error that the request is to be refused with. */
  began(exchange: PlainExchange): unknown;
  serve(exchange: PlainExchange): void;
  refuse(exchange: PlainExchange, error: unknown): void;
  /** `status`: undefined when its client left before it was answered in full. */
  ended(exchange: PlainExchange, status: number | undefined): void;
  /** Ends a connection that didn't bring a whole request. */
  fault(socket: Socket, error: ConnectionFault): void;
  forget(connection: PlainConnection): void;
}

/** Bytes that may wait while a request is served. */
const HELD_BYTES_MAX = 64 * 1024;

export class PlainConnection implements AnswerSink, Turning {
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #toNode: (socket: Socket) => void;
  readonly #heads: HeadReader<HotRoute>;
  #phase: 'idle' | 'receiving' | 'serving' | 'sending' | 'over' = 'idle';
  /** When its last request ended, or the one that arrives began to; monotonic, milliseconds. */
  #since = performance.now();
  /** It has brought a request, so it may be idle for longer. */
  #isKept = false;
  #exchange: PlainExchange | undefined;
  /** Came and was not read yet. */
  #held: Buffer | undefined;
  /** Of a body that arrives. */
  #chunks: Buffer[] = [];
  #missing = 0;
  /** Bytes to come of a body that nobody wants any more. */
  #unwanted = 0;
  #isReading = false;
  /** What it holds is read in a later turn. */
  #awaitsTurn = false;
  #isPaused = false;
  /** The client sends no more. */
  #hasEnded = false;
  #closesAfter = false;

  /** `toNode`: takes what is not plain. */
  constructor(socket: Socket, host: ConnectionHost, toNode: (socket: Socket) => void) {
    this.#socket = socket;
    this.#host = host;
    this.#toNode = toNode;
    this.#heads = new HeadReader(host.routes);
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClose);
    socket.on('error', this.#onError);
  }

  get keepAliveSeconds(): number {
    return Math.floor(this.#host.timeouts.keepAliveTimeout / 1000);
  }

  /** While the server closes; but for one that has more requests to hear that. */
  get isLast(): boolean {
    return this.#host.isClosing && this.#held === undefined;
  }

  /** Ends it, if it is time for that: to be called now and then. */
  check(now: number): void {
    const { requestTimeout, keepAliveTimeout, keepAliveSlack } = this.#host.timeouts;
    const since = now - this.#since;
    if (this.#awaitsTurn) return;
    if (this.#host.isClosing) this.close();
    if (this.#phase === 'over') {
      if (since > requestTimeout) this.#socket.destroy();
    } else if (this.#isArriving) {
      if (since > requestTimeout) this.#fail('ERR_HTTP_REQUEST_TIMEOUT');
    } else if (this.#phase === 'idle' && since > keepAliveTimeout + keepAliveSlack) this.#socket.destroy();
  }

  /** While the server closes: ends it, as Node does, unless a request is whole or its body under way. */
  close(): void {
    this.turn();
    if (this.#phase === 'idle') this.#socket.destroySoon();
  }

  /** Called by an exchange, once: its answer. It may come too late. */
  answer(exchange: PlainExchange, text: string, rest: Uint8Array | undefined): void {
    if (this.#exchange !== exchange || this.#phase === 'sending' || this.#phase === 'over') return;
    const socket = this.#socket;
    this.#phase = 'sending';
    this.#closesAfter = this.isLast;
    if (rest === undefined) socket.write(text, 'latin1');
    else {
      socket.cork();
      socket.write(text, 'latin1');
      socket.write(rest);
      socket.uncork();
    }
    // Nearly always the system has taken it all by now; else its end shows when a write behind it ends.
    if (socket.writableLength === 0 && socket.errored === null) this.#sent();
    else {
      socket.write('', 'latin1', (error) => {
        if (!error) this.#sent();
      });
    }
  }

  get #isArriving(): boolean {
    if (this.#phase === 'receiving') return true;
    return this.#phase === 'idle' && (!this.#isKept || this.#held !== undefined || this.#unwanted > 0);
  }

  readonly #onData = (chunk: Buffer): void => {
    switch (this.#phase) {
      case 'receiving':
        this.#receive(chunk);
        break;
      case 'idle':
        if (this.#held === undefined && this.#unwanted === 0) this.#since = performance.now();
        this.#hold(chunk);
        if (this.#awaitsTurn) break;
        this.#awaitsTurn = !this.#host.turns.admits(this);
        if (!this.#awaitsTurn) this.#read();
        break;
      case 'serving':
      case 'sending':
        this.#hold(chunk);
        break;
      case 'over':
        break;
    }
  };

  /** Reads what it holds, if that was put off. */
  turn(): void {
    if (!this.#awaitsTurn) return;
    this.#awaitsTurn = false;
    if (this.#phase !== 'idle') return;
    this.#resume();
    this.#read();
  }

  #hold(chunk: Buffer): void {
    const held = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = held;
    const isReadNow = this.#phase === 'idle' && !this.#awaitsTurn;
    if (isReadNow || held.length < HELD_BYTES_MAX || this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  /** Reads what is held for as long as there are whole requests in it. */
  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#phase === 'idle' && this.#held !== undefined && this.#next(this.#held));
    this.#isReading = false;
  }

  /** Whether there may be more to read. */
  #next(bytes: Buffer): boolean {
    if (this.#unwanted > 0) {
      this.#held = tailOf(bytes, this.#unwanted);
      this.#unwanted = Math.max(0, this.#unwanted - bytes.length);
      return true;
    }
    if (this.#host.isClosing) return this.#handOver();
    const head = this.#heads.read(bytes);
    if (head === 'partial') return false;
    if (head === 'odd') return this.#handOver();
    this.#held = tailOf(bytes, head.bytes);
    this.#isKept = true;
    this.#begin(new PlainExchange(head, this.#since, this));
    return true;
  }

  #begin(exchange: PlainExchange): void {
    this.#exchange = exchange;
    const refusal = this.#host.began(exchange);
    if (refusal !== undefined) {
      this.#phase = 'serving';
      this.#unwanted = exchange.bodyBytes;
      this.#host.refuse(exchange, refusal);
    } else if (exchange.bodyBytes > 0) {
      this.#phase = 'receiving';
      this.#missing = exchange.bodyBytes;
      const held = this.#held;
      this.#held = undefined;
      if (held !== undefined) this.#receive(held);
    } else this.#serve(exchange);
  }

  #receive(chunk: Buffer): void {
    const exchange = this.#exchange as PlainExchange;
    if (chunk.length < this.#missing) {
      this.#chunks.push(chunk);
      this.#missing -= chunk.length;
      return;
    }
    const last = chunk.length === this.#missing ? chunk : chunk.subarray(0, this.#missing);
    this.#held = tailOf(chunk, this.#missing);
    if (this.#chunks.length === 0) exchange.body = last;
    else {
      exchange.body = Buffer.concat([...this.#chunks, last], exchange.bodyBytes);
      this.#chunks = [];
    }
    this.#serve(exchange);
  }

  #serve(exchange: PlainExchange): void {
    this.#phase = 'serving';
    this.#host.serve(exchange);
  }

  #sent(): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    this.#exchange = undefined;
    this.#host.ended(exchange, exchange.status);
    this.#phase = 'idle';
    this.#since = performance.now();
    if (this.#hasEnded) return;
    if (this.#closesAfter) {
      this.#end();
      this.#socket.destroySoon();
      return;
    }
    this.#resume();
    if (this.#held !== undefined) this.#read();
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** As Node does it: who sends no more is not answered any more, but for what is on its way already. */
  readonly #onEnd = (): void => {
    this.turn();
    this.#hasEnded = true;
    if (this.#isArriving && (this.#isKept || this.#held !== undefined)) {
      this.#fail('HPE_INVALID_EOF_STATE');
      return;
    }
    if (this.#phase === 'serving') this.#end();
    this.#socket.end();
  };

  readonly #onClose = (): void => {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#end();
    this.#host.forget(this);
    if (exchange !== undefined) this.#host.ended(exchange, undefined);
  };

  /** What was wrong shows by how the connection closes. */
  readonly #onError = (): void => undefined;

  #fail(code: string): void {
    this.#end();
    this.#host.fault(this.#socket, Object.assign(new Error('A request did not come in full.'), { code }));
  }

  #end(): void {
    this.#phase = 'over';
    this.#since = performance.now();
    this.#held = undefined;
    this.#chunks = [];
  }

  /** False: there is nothing more to read here. */
  #handOver(): false {
    const socket = this.#socket;
    const held = this.#held;
    this.#end();
    socket.off('data', this.#onData).off('end', this.#onEnd);
    socket.off('close', this.#onClose).off('error', this.#onError);
    // Paused, so that nothing is read between the two.
    socket.pause();
    if (held !== undefined) socket.unshift(held);
    this.#host.forget(this);
    this.#toNode(socket);
    socket.resume();
    return false;
  }
}

/** What is left behind the first `bytes`, if anything. */
function tailOf(buffer: Buffer, bytes: number): Buffer | undefined {
  return buffer.length > bytes ? buffer.subarray(bytes) : undefined;
}
