/**
 * A store node as the gateway sees it: the hop's routes over a map, on a real socket, with faults to order.
 * It has no replication: each fake keeps what it was given, or shares a map with others.
 */
import { Buffer } from 'node:buffer';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  DriftlessError,
  decodeFrame,
  type ErrorCode,
  encodeFrame,
  type NodeStatus,
  PayloadReader,
  problemOf,
  type ReadHeader,
  type ReplicaRole,
  type WriteHeader,
  type WriteResult,
} from '@driftless/contracts';

/** What the next requests get instead of an answer. */
export type Fault =
  | { type: 'refuse'; code: ErrorCode }
  /** Does the work, and closes the connection without a word. */
  | { type: 'hang-up' }
  /** Never answers. */
  | { type: 'hang' }
  /** Answers bytes that are no answer. */
  | { type: 'garble' }
  /** Gives this result to operations on keys that begin so, and does not do them. */
  | { type: 'result'; prefix: string; result: WriteResult };

interface Held {
  version: string;
  type: string;
  value: Uint8Array;
}

export class FakeNode {
  readonly name: string;
  readonly values: Map<string, Held>;
  /** Headers of all writes and reads, in order. */
  readonly writes: WriteHeader[] = [];
  readonly reads: ReadHeader[] = [];
  fault: Fault | undefined;
  epoch = 1;
  #seq = 1;
  #answers = new Map<string, WriteResult>();
  #server: Server | undefined;
  #port = 0;

  constructor(name: string, values = new Map<string, Held>()) {
    this.name = name;
    this.values = values;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens; after `stop`, on the same port again. */
  async start(): Promise<this> {
    this.#server = createServer((request, response) => void this.#serve(request, response));
    await new Promise<void>((resolve) => this.#server?.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** As a kill -9 would: connections are cut. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  }

  status(role: ReplicaRole, shards = 1): NodeStatus {
    return {
      node: this.name,
      incarnation: 'i',
      url: this.url,
      startedAt: '',
      natsConnected: true,
      draining: false,
      members: [],
      shards: Array.from({ length: shards }, (_, shard) => ({
        shard,
        role,
        members: [],
        health: 'healthy' as const,
        applied: { epoch: this.epoch, seq: this.#seq },
        root: '0'.repeat(32),
        lagMs: 0,
        lagOps: 0,
        stream: { seq: 0, createdAt: '' },
        counts: { driftEvents: 0, corruptRows: 0, quarantined: 0, orphans: 0, gaps: 0 },
      })),
    };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { header, body } = decodeFrame(Buffer.concat(chunks));
    const isWrite = request.url === '/node/v1/write';
    if (isWrite) this.writes.push(header as WriteHeader);
    else this.reads.push(header as ReadHeader);
    const { fault } = this;
    if (fault?.type === 'hang') return;
    if (fault?.type === 'refuse') {
      const problem = problemOf(new DriftlessError(fault.code, 'ordered by the test'));
      response.writeHead(problem.status).end(JSON.stringify(problem));
      return;
    }
    const answer = isWrite ? this.#write(header as WriteHeader, body) : this.#read(header as ReadHeader);
    if (fault?.type === 'hang-up') response.destroy();
    else if (fault?.type === 'garble') response.writeHead(200).end(answer.subarray(0, answer.length - 3));
    else response.writeHead(200).end(answer);
  }

  #write({ operations }: WriteHeader, body: Uint8Array): Buffer {
    const payloads = new PayloadReader(body);
    const results = operations.map((operation): WriteResult => {
      const value = operation.op === 'put' ? payloads.take(operation.bytes) : new Uint8Array(0);
      if (this.fault?.type === 'result' && operation.key.startsWith(this.fault.prefix))
        return this.fault.result;
      const kept = operation.idempotency && this.#answers.get(operation.idempotency.id);
      if (kept) return { ...kept, replayed: true };
      this.#seq += 1;
      const result: WriteResult = {
        version: `${this.epoch}-${this.#seq}`,
        created: !this.values.has(operation.key),
      };
      if (operation.idempotency) this.#answers.set(operation.idempotency.id, result);
      const type = operation.op === 'put' ? operation.type : '';
      this.values.set(operation.key, { version: result.version as string, type, value: Buffer.from(value) });
      return result;
    });
    const position = { epoch: this.epoch, seq: this.#seq };
    return Buffer.from(JSON.stringify({ node: this.name, position, results }));
  }

  #read({ reads }: ReadHeader): Buffer {
    const held = reads.map(({ key }) => this.values.get(key));
    const results = held.map((one) =>
      one === undefined
        ? { found: false as const }
        : { found: true as const, version: one.version, type: one.type, bytes: one.value.length },
    );
    const position = { epoch: this.epoch, seq: this.#seq };
    const standings = [...new Set(reads.map(({ shard }) => shard))].map((shard) => {
      return { shard, position, lagOps: 0, lagMs: 0 };
    });
    return encodeFrame(
      { node: this.name, standings, results },
      held.flatMap((one) => one?.value ?? []),
    );
  }
}
