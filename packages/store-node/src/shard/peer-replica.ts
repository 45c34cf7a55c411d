/** The peer's side of an exchange, asked over the network (peers.ts), which counts what it sends. */
import {
  type BucketRows,
  type Capture,
  type Heads,
  type Listing,
  type Missed,
  type Peer,
  rowBytes,
  type Wanted,
} from '@driftless/anti-entropy';
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

  async buckets(buckets: readonly number[], listing: Listing): Promise<BucketRows[]> {
    const { header, body } = decodeFrame(await this.#ask('buckets', { buckets, ...listing }));
    const answer = bucketsAnswerSchema.parse(header);
    const payloads = new PayloadReader(body);
    const listed = answer.buckets.map(({ bucket, rows, sound }) => {
      return { bucket, rows: payloads.take(rows * rowBytes), sound };
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
