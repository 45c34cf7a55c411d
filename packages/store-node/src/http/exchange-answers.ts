/**
 * What an exchange asks of a peer (contracts/exchange.ts): from the header of a question to the answer's
 * bytes.
 */
import { Buffer } from 'node:buffer';
import { node as merkleNode, rowBytes } from '@driftless/anti-entropy';
import {
  bucketsHeaderSchema,
  type CaptureAnswer,
  captureHeaderSchema,
  DriftlessError,
  type ExchangeQuestion,
  encodeFrame,
  fetchHeaderSchema,
  formatDigest,
  headsHeaderSchema,
  nodesHeaderSchema,
} from '@driftless/contracts';
import { isSound } from '../core/entry.ts';
import { headsOf, listBuckets, takeCapture } from '../shard/answer-peers.ts';
import type { ShardContext } from '../shard/context.ts';
import { rowOf } from '../shard/reader.ts';

/** Throws `DriftlessError`, and what a schema throws. */
export function answerQuestion(
  context: ShardContext,
  question: ExchangeQuestion,
  header: unknown,
): Promise<Uint8Array> {
  return answers[question](context, header);
}

/** Questions whose answer is JSON; of the others it is a frame. */
export const jsonQuestions: readonly ExchangeQuestion[] = ['capture', 'heads'];

type Answer = (context: ShardContext, header: unknown) => Promise<Uint8Array>;

const answers: Record<ExchangeQuestion, Answer> = {
  async capture(context, header) {
    const { atSeq, waitMs } = captureHeaderSchema.parse(header);
    const found = await takeCapture(context, atSeq, waitMs);
    if (!('id' in found)) return json({ captured: false, ...found } satisfies CaptureAnswer);
    const { id, position, root, tree, drift } = found;
    const roots = { root: formatDigest(root), tree: formatDigest(tree), drift: formatDigest(drift) };
    return json({ captured: true, id, position, ...roots } satisfies CaptureAnswer);
  },

  async nodes(context, header) {
    const { capture, level, indexes } = nodesHeaderSchema.parse(header);
    const leaves = context.captures.get(capture)?.leaves;
    if (!leaves) throw new DriftlessError('not-found', 'This capture is not kept any more.');
    return encodeFrame(
      { count: indexes.length },
      indexes.map((index) => merkleNode(leaves, level, index)),
    );
  },

  async buckets(context, header) {
    const { buckets, ...listing } = bucketsHeaderSchema.parse(header);
    const listed = await listBuckets(context, buckets, listing);
    return encodeFrame(
      { buckets: listed.map(({ bucket, rows, sound }) => ({ bucket, rows: rows.length / rowBytes, sound })) },
      listed.map(({ rows }) => rows),
    );
  },

  async heads(context, header) {
    return json(await headsOf(context, headsHeaderSchema.parse(header).wanted));
  },

  async fetch({ store }, header) {
    const { keys } = fetchHeaderSchema.parse(header);
    const entries = keys.flatMap((key) => store.get(key) ?? []).filter(isSound);
    return encodeFrame(
      { rows: entries.map(rowOf) },
      entries.map(({ value }) => value),
    );
  },
};

function json(answer: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(answer));
}
