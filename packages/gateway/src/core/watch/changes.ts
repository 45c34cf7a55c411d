/** What watchers are shown of a batch: its changes, each as one event's text without the resume token. */
import {
  type Batch,
  formatPosition,
  isReserved,
  lastSeqOf,
  type Operation,
  type Position,
} from '@driftless/contracts';
import { valueMember } from '../json-value.ts';

export interface Change {
  type: 'put' | 'delete';
  key: string;
  seq: number;
  /** `data` lines of the event. */
  data: string;
}

/** A batch as watchers see it. Operations that change no key are steps of the position and nothing else. */
export interface ChangeBatch {
  epoch: number;
  firstSeq: number;
  lastSeq: number;
  changes: Change[];
  /** What it takes in memory, at most. */
  bytes: number;
}

/** A character may take two bytes; objects and strings take some more. */
const charBytes = 2;
const changeBytes = 256;

export function changesOf(batch: Batch): ChangeBatch {
  const { shard, epoch, firstSeq } = batch;
  const committedAt = new Date(batch.committedAt).toISOString();
  const changes = batch.ops.flatMap((operation, index): Change[] => {
    if ((operation.op !== 'put' && operation.op !== 'delete') || isReserved(operation.key)) return [];
    const seq = firstSeq + index;
    const tail = JSON.stringify({ shard, committedAt });
    const data = dataOf(operation, { epoch, seq }).slice(0, -1);
    const document = `${data},${tail.slice(1)}`;
    return [{ type: operation.op, key: operation.key, seq, data: dataLines(document) }];
  });
  const chars = changes.reduce((sum, { key, data }) => sum + key.length + data.length, 0);
  const bytes = chars * charBytes + (changes.length + 1) * changeBytes;
  return { epoch, firstSeq, lastSeq: lastSeqOf(batch), changes, bytes };
}

function dataOf(operation: Extract<Operation, { key: string }>, position: Position): string {
  const { key } = operation;
  const version = formatPosition(position);
  if (operation.op === 'delete') return JSON.stringify({ key, version });
  const { contentType, expiresAt, value } = operation;
  const until = expiresAt === null ? undefined : new Date(expiresAt).toISOString();
  const head = JSON.stringify({ key, version, contentType, expiresAt: until });
  return `${head.slice(0, -1)},${valueMember(contentType, value)}}`;
}

/**
 * JSON is kept as it was written; its line ends, which stand between tokens only, are line ends of the
 * event.
 */
function dataLines(document: string): string {
  return `data: ${document.replaceAll(/\r\n|\r|\n/g, '\ndata: ')}\n`;
}
