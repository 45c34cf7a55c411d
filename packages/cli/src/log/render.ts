/**
 * A batch of the log as a person reads it: where it stands, what root it led from and to, and its operations.
 *
 *     1-18841 … 1-18843  shard 0  2026-01-31T12:00:00.123Z  root 3fa95c0e → 81d27b44
 *       1-18841  put     city/FR/Paris/1  182 bytes  application/json
 */
import {
  type Batch,
  type CollectedEntry,
  formatDigest,
  formatPosition,
  lastSeqOf,
  type Operation,
} from '@driftless/contracts';
import { type Paint, printable, table } from '../output/terminal.ts';

const rootDigits = 12;

export function renderBatch(batch: Batch, paint: Paint): string[] {
  const { shard, epoch, firstSeq, committedAt } = batch;
  const first = formatPosition({ epoch, seq: firstSeq });
  const last = formatPosition({ epoch, seq: lastSeqOf(batch) });
  const range = first === last ? first : `${first} … ${last}`;
  const roots = `root ${shortRoot(batch.prevRoot)} → ${shortRoot(batch.postRoot)}`;
  const head = `${paint('bold', range)}  shard ${shard}  ${new Date(committedAt).toISOString()}  ${roots}`;
  const rows = batch.ops.map((operation, i) => {
    return [formatPosition({ epoch, seq: firstSeq + i }), operation.op, ...describe(operation)];
  });
  return [head, ...table(rows).map((line) => `  ${line}`)];
}

function shortRoot(root: Uint8Array): string {
  return formatDigest(root).slice(0, rootDigits);
}

const collectedShown = 3;

/** The first few of the rows that were removed for good. */
function collected(entries: readonly CollectedEntry[]): string {
  const shown = entries
    .slice(0, collectedShown)
    .map(({ key, version }) => `${printable(key)} at ${formatPosition(version)}`);
  const more = entries.length > collectedShown ? [`${entries.length - collectedShown} more`] : [];
  return [...shown, ...more].join(', ');
}

function describe(operation: Operation): string[] {
  switch (operation.op) {
    case 'put': {
      const { key, value, contentType, expiresAt } = operation;
      const expiry = expiresAt === null ? '' : `  expires ${new Date(expiresAt).toISOString()}`;
      return [printable(key), `${value.length} bytes`, printable(contentType) + expiry];
    }
    case 'delete':
      return [printable(operation.key)];
    case 'answer':
      return [`Idempotency-Key ${printable(operation.answer.id)}`];
    case 'epoch-started':
      return [`led by ${operation.node}`, ...(operation.members ? [operation.members.join(', ')] : [])];
    case 'members-changed':
      return [operation.members.join(', ')];
    case 'collected':
      return [collected(operation.entries)];
  }
}
