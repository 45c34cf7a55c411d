/** The peer's side of an exchange, asked over the network (peers.ts), which counts what it sends. */
import { Buffer } from 'node:buffer';
import type { BucketRows, Capture, Heads, Missed, Peer, Wanted } from '@driftless/anti-entropy';
import {
  bucketsAnswerSchema,
  captureAnswerSchema,
  type Digest,
  decodeFrame,
  digestBytes,
  type ExchangeQuestion,
  headsAnswerSchema,
  nodesAnswerSchema,
  PayloadReader,
  parseDigest,
} from '@driftless/contracts';
import type { Peers } from './peers.ts';

/** Of the hash that names a row in a listing. */
const hashBytes = 8;

export class RemoteReplica implements Peer {
  readonly #peers: Peers;
  readonly #node: string;
  readonly #shard: number;
  bytesReceived = 0;

  constructor(peers: Peers, node: string, shard: number) {
    this.#peers = peers;
    this.#node = node;
    this.#shard = shard;
  }

  async capture(atSeq: number, waitMs: number): Promise<Capture | Missed> {
    const answer = captureAnswerSchema.parse(parseJson(await this.#ask('capture', { atSeq, waitMs })));
    const { position } = answer;
    if (!answer.captured) return { reason: answer.reason, position };
    const { id, root, tree, drift } = answer;
    return { id, position, root: parseDigest(root), tree: parseDigest(tree), drift: parseDigest(drift) };
  }

  async nodes(capture: string, level: number, indexes: readonly number[]): Promise<Digest[]> {
    const { header, body } = decodeFrame(await this.#ask('nodes', { capture, level, indexes }));
    const { count } = nodesAnswerSchema.parse(header);
    const payloads = new PayloadReader(body);
    const digests = Array.from({ length: count }, () => payloads.take(digestBytes));
    payloads.finish();
    return digests;
  }

  async buckets(buckets: readonly number[], throughSeq: number): Promise<BucketRows[]> {
    const { header, body } = decodeFrame(await this.#ask('buckets', { buckets, throughSeq }));
    const answer = bucketsAnswerSchema.parse(header);
    const payloads = new PayloadReader(body);
    const listed = answer.buckets.map(({ bucket, rows, sound }) => {
      const row = () => ({ hash: hex(payloads.take(hashBytes)), digest: payloads.take(digestBytes) });
      return { bucket, rows: Array.from({ length: rows }, row), sound };
    });
    payloads.finish();
    return listed;
  }

  async heads(wanted: readonly Wanted[]): Promise<Heads> {
    return headsAnswerSchema.parse(parseJson(await this.#ask('heads', { wanted })));
  }

  async #ask(question: ExchangeQuestion, header: unknown): Promise<Uint8Array> {
    const answer = await this.#peers.ask(this.#node, this.#shard, question, header);
    if (!answer) throw new Error(`${this.#node} did not answer.`);
    this.bytesReceived += answer.length;
    return answer;
  }
}

function parseJson(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
