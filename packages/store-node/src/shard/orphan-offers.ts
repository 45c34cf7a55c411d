/**
 * What becomes of orphans: each is offered to the current leader as a new operation, on the condition that
 * nobody has written its key since the cut. The leader judges that in its own transaction. An offer carries
 * an idempotency id (the client's, if it gave one), so one whose answer was lost is not applied twice. A
 * refusal is not kept under the client's id: a retry asks without our condition, and may be done. What
 * the leader refuses is kept, counted and listed, for a person to decide.
 */
import { formatPosition, type WriteOperation, type WriteResult } from '@driftless/contracts';
import type { Orphan } from '../core/change.ts';
import type { ShardContext } from './context.ts';

const noBytes = new Uint8Array(0);

export async function offerOrphans(context: ShardContext): Promise<void> {
  const { store, leader, shard, logger, instruments } = context;
  if (leader === undefined) return;
  for (const orphan of store.orphans()) {
    if (orphan.offered) continue;
    const settlement = await settle(context, orphan, leader);
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
  const { operation, version } = orphan;
  const row = context.store.get(operation.key);
  // Written in a later epoch than the orphan's: the new history has had the last word already.
  if (row && row.epoch > version.epoch) return 'refused';
  const held = row && !row.tombstone ? { ifMatch: [formatPosition(row)] } : { ifNoneMatch: '*' as const };
  const request = offerOf(orphan, held, context.clock.wall());
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
function offerOf(
  { operation, version }: Orphan,
  held: { ifMatch: string[] } | { ifNoneMatch: '*' },
  now: number,
): WriteOperation | undefined {
  const { key } = operation;
  const answer = 'answer' in operation ? operation.answer : undefined;
  const own = { id: `orphan/${formatPosition(version)}/${key.slice(0, 64)}`, fingerprint: 'orphan' };
  const idempotency = answer ? { id: answer.id, fingerprint: answer.fingerprint, onBehalf: true } : own;
  if (operation.op === 'delete') return { op: 'delete', key, ...held, idempotency };
  if (operation.op !== 'put') return undefined;
  const { expiresAt, contentType: type, value } = operation;
  if (expiresAt !== null && expiresAt <= now) return undefined;
  const ttl = expiresAt === null ? {} : { ttlSeconds: (expiresAt - now) / 1000 };
  return { op: 'put', key, bytes: value.length, type, ...ttl, ...held, idempotency };
}
