/**
 * The replication event. Log record, JetStream message and catch-up answer are these same bytes, made once by
 * the leader:
 *
 *     driftless/1 <32 hex digits: hash of all that follows>\n
 *     {"format":1,"shard":0,"epoch":3,"firstSeq":7,"ops":[…],"committedAt":…,"prevRoot":"…","postRoot":"…"}\n
 *     <the values' bytes, in the order of ops>
 *
 * The seal tells damage on the way (the event is not what the leader wrote) from drift of the replica (the
 * event is right, the state it leads to is not). The header is JSON, so `driftless log` or `nats stream get`
 * shows it to a person; values are raw (docs/adr/0003-envelope.md).
 *
 * Version log: 1 — first format; 2 — `collected`. An event is written in the oldest format that has its
 * operations: nodes of both versions work together until the first one that only the newer knows. There an
 * older one halts, and says which format it met; it never skips what it can't read.
 */
import { Buffer } from 'node:buffer';
import { type Digest, formatDigest, hash128Hex, parseDigest } from './digest.ts';
import {
  envelopeHeaderOf,
  type Format,
  formats,
  type OperationHeader,
  type RecordedAnswer,
} from './envelope-header.ts';
import { decodeFrame, encodeFrame, PayloadReader } from './frame.ts';
import type { Position } from './position.ts';

export { type RecordedAnswer, recordedAnswerSchema } from './envelope-header.ts';

const prefixOf = (format: Format): string => `driftless/${format} `;
const sealBytes = prefixOf(1).length + 32 + 1;

/** An operation: the state it leads to, not how it was asked for, so that every replica does the same. */
export type Operation =
  | {
      op: 'put';
      key: string;
      value: Uint8Array;
      contentType: string;
      expiresAt: number | null;
      answer?: RecordedAnswer | undefined;
    }
  | { op: 'delete'; key: string; answer?: RecordedAnswer | undefined }
  /** Changes no entry; keeps the answer of a refused request that carried an `Idempotency-Key`. */
  | { op: 'answer'; answer: RecordedAnswer }
  /**
   * The first record of an epoch, written by its leader before it serves. `stream`: when the stream that it
   * began on was created; on another one, events may be missing.
   */
  | {
      op: 'epoch-started';
      node: string;
      stream?: string | undefined;
      /** The epoch before: a replica in an older one has missed an epoch, and may hold orphans. */
      previous?: number | undefined;
      /** The shard's replica set in force. */
      members?: string[] | undefined;
    }
  /** From this operation on the shard has these replicas: those before, and one more or one less. */
  | { op: 'members-changed'; members: string[] }
  /**
   * Rows that no reader can see any more (deleted, or expired) go for good: each that still is at this
   * version. It is no write: what it does not find as it is named stays.
   */
  | { op: 'collected'; entries: CollectedEntry[] };

/** A row by its key and version. */
export interface CollectedEntry {
  key: string;
  version: Position;
}

/** Operations committed by one leader transaction: the unit of the log, of an event, of an apply. */
export interface Batch {
  shard: number;
  epoch: number;
  /** Seq of the first operation; the i-th operation has `firstSeq + i`. */
  firstSeq: number;
  ops: Operation[];
  /** Leader's wall clock, milliseconds since the Unix epoch. A hint for people and lag, never an order. */
  committedAt: number;
  /** Root of the shard before the batch. */
  prevRoot: Digest;
  /** Root of the shard that the batch must lead to. */
  postRoot: Digest;
}

export function lastSeqOf(batch: Batch): number {
  return batch.firstSeq + batch.ops.length - 1;
}

/** Says that bytes are not an event as a leader wrote it. `reason` is safe to show. */
export class EnvelopeError extends Error {
  readonly reason: 'seal' | 'format' | 'content';
  constructor(reason: EnvelopeError['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EnvelopeError';
    this.reason = reason;
  }
}

export function encodeBatch(batch: Batch): Buffer {
  const values: Uint8Array[] = [];
  const ops = batch.ops.map((operation) => {
    if (operation.op !== 'put') return operation;
    values.push(operation.value);
    const { key, value, contentType, expiresAt, answer } = operation;
    return {
      op: 'put',
      key,
      bytes: value.length,
      type: contentType,
      expiresAt: expiresAt ?? undefined,
      answer,
    };
  });
  const format = formatOf(batch.ops);
  const header = {
    format,
    shard: batch.shard,
    epoch: batch.epoch,
    firstSeq: batch.firstSeq,
    ops,
    committedAt: batch.committedAt,
    prevRoot: formatDigest(batch.prevRoot),
    postRoot: formatDigest(batch.postRoot),
  };
  const event = encodeFrame(header, values, sealBytes);
  event.write(`${prefixOf(format)}${hash128Hex(event.subarray(sealBytes))}\n`, 0, 'latin1');
  return event;
}

/** The oldest format that has all of the operations. */
function formatOf(ops: readonly Operation[]): Format {
  return ops.some(({ op }) => op === 'collected') ? 2 : 1;
}

/** The batch in `bytes`. Throws `EnvelopeError` when the seal is broken or the format is unknown. */
export function decodeBatch(bytes: Uint8Array): Batch {
  const { format, frame } = unseal(bytes);
  try {
    const { header: raw, body } = decodeFrame(frame);
    const header = envelopeHeaderOf(raw);
    const payloads = new PayloadReader(body);
    const ops = header.ops.map((operation) => operationOf(operation, payloads));
    payloads.finish();
    if (header.format !== format || formatOf(ops) !== format) {
      throw new RangeError('Seal, header and operations are not of one format.');
    }
    const { shard, epoch, firstSeq, committedAt } = header;
    const roots = { prevRoot: parseDigest(header.prevRoot), postRoot: parseDigest(header.postRoot) };
    return { shard, epoch, firstSeq, ops, committedAt, ...roots };
  } catch (cause) {
    throw new EnvelopeError('content', 'The event has its seal but does not hold a batch.', { cause });
  }
}

function operationOf(operation: OperationHeader, payloads: PayloadReader): Operation {
  if (operation.op !== 'put') return operation;
  const { key, bytes, type: contentType, expiresAt = null, answer } = operation;
  return { op: 'put', key, value: payloads.take(bytes), contentType, expiresAt, answer };
}

function unseal(bytes: Uint8Array): { format: Format; frame: Uint8Array } {
  const size = Math.min(sealBytes, bytes.length);
  const seal = Buffer.from(bytes.buffer, bytes.byteOffset, size).toString('latin1');
  const format = formats.find((one) => seal.startsWith(prefixOf(one)));
  if (format === undefined) {
    const newer = /^driftless\/\d{1,3} /.exec(seal)?.[0].trim();
    const known = formats.map((one) => prefixOf(one).trim()).join(', ');
    const found = newer ? `is of format ${newer}` : 'is none';
    throw new EnvelopeError('format', `The event ${found}; this version reads ${known}.`);
  }
  const frame = bytes.subarray(sealBytes);
  if (seal !== `${prefixOf(format)}${hash128Hex(frame)}\n`) {
    throw new EnvelopeError(
      'seal',
      'The event is damaged: its bytes do not have the hash in its first line.',
    );
  }
  return { format, frame };
}
