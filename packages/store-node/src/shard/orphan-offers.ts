/**
 * What becomes of orphans: each is offered to the current leader as a new operation, on the condition that
 * nobody has written its key since. Of several on one key that is only the newest. Whether the new history
 * has written it the leader judges in its own transaction, by the epoch of the row; a key without a row may
 * have had one of a later epoch where such rows were removed for good (SPEC.md, T5). An offer carries an
 * idempotency id (the client's, if it gave one), so one whose answer was lost is not applied twice. A
 * refusal is not kept under the client's id: a retry asks without our condition, and may be done. What is
 * refused is kept, counted and listed, for a person to decide.
 */
import { formatPosition, type WriteOperation, type WriteResult } from '@driftless/contracts';
import type { Orphan } from '../core/change.ts';
import type { ShardContext } from './context.ts';

const noBytes = new Uint8Array(0);

export async function offerOrphans(context: ShardContext): Promise<void> {
  const { store, leader, shard, logger, instruments } = context;
  if (leader === undefined) return;
  const orphans = store.orphans();
  const newest = new Map(orphans.map((orphan) => [orphan.operation.key, orphan]));
  for (const orphan of orphans) {
    if (orphan.offered) continue;
    const isNewest = newest.get(orphan.operation.key) === orphan;
    const settlement = isNewest ? await settle(context, orphan, leader) : 'refused';
    if (settlement === 'later') return;
    context.store.settleOrphan(orphan.version, settlement);
    const result = settlement === 'gone' ? 'reapplied' : 'kept';
    instruments.orphansOffered.add(1, { shard: String(shard), result });
    logger.info({ shard, version: formatPosition(orphan.version), result }, 'an orphan was offered');
  }
}

async function settle(
  context: ShardContext,
  orphan: Orphan,
  leader: string,
): Promise<'gone' | 'refused' | 'later'> {
  const { operation } = orphan;
  const request = offerOf(orphan, context.clock.wall());
  if (!request) return 'gone';
  const value = operation.op === 'put' ? operation.value : noBytes;
  const result = await context.peers.write(leader, context.shard, request, value);
  if (result === undefined || result.error === 'indeterminate') return 'later';
  return outcomeOf(result);
}

function outcomeOf({ error }: WriteResult): 'gone' | 'refused' {
  // Deleting what is not there leaves nothing to do.
  return error === undefined || error === 'key-not-found' ? 'gone' : 'refused';
}

/** The operation as a request; undefined when its time to live is over anyway. */
function offerOf({ operation, version }: Orphan, now: number): WriteOperation | undefined {
  const { key } = operation;
  const answer = 'answer' in operation ? operation.answer : undefined;
  const own = { id: `orphan/${formatPosition(version)}/${key.slice(0, 64)}`, fingerprint: 'orphan' };
  const idempotency = answer ? { id: answer.id, fingerprint: answer.fingerprint, onBehalf: true } : own;
  const conditions = { unwrittenSince: version, idempotency };
  if (operation.op === 'delete') return { op: 'delete', key, ...conditions };
  if (operation.op !== 'put') return undefined;
  const { expiresAt, contentType: type, value } = operation;
  if (expiresAt !== null && expiresAt <= now) return undefined;
  const ttl = expiresAt === null ? {} : { ttlSeconds: (expiresAt - now) / 1000 };
  return { op: 'put', key, bytes: value.length, type, ...ttl, ...conditions };
}
