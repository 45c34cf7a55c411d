/**
 * What a read's level asks of the replica before it looks at a row. It throws, by a closed code, when this
 * replica isn't the one, and the caller asks another.
 *
 *     eventual   nothing
 *     session    what the session has seen is applied here; waited for, up to a bound
 *     bounded    the measured staleness is known and within the bound
 *     leader     it leads
 *     strong     it leads, by the word of the stream, asked after the read came in
 *
 * A session whose position was rolled back is told so at any level: else the position would be forgotten by
 * the next answer of the new history. And none is served where an epoch that it knows of has not been heard
 * of: what such a replica has at its end may be rolled back, and the session would not be told.
 */
import { DriftlessError, type Freshness, formatPosition, type Position } from '@driftless/contracts';
import type { TraceSpan } from '@driftless/runtime';
import { type Place, placeOf } from '../core/session.ts';
import type { ShardReplica } from './replica.ts';

/** `span`: of the read, where it is traced; waits are its events. */
export async function requireFresh(
  replica: ShardReplica,
  freshness: Freshness,
  span?: TraceSpan,
): Promise<void> {
  const { level, seen, waitMs = 0, maxStalenessMs = 0 } = freshness;
  if (seen) await requireSession(replica, seen, level === 'session' ? waitMs : undefined, span);
  switch (level) {
    case 'bounded':
      return requireWithin(replica, maxStalenessMs);
    case 'leader':
      return void replica.requireLeader();
    case 'strong':
      replica.requireLeader();
      span?.event('asks the stream who leads');
      return replica.barrier.passed();
    case 'eventual':
    case 'session':
      return;
  }
}

/** How stale the replica can be at most, milliseconds; undefined when it doesn't know. */
export function stalenessOf(replica: ShardReplica): number | undefined {
  const { state, lag, clock } = replica.context;
  if (replica.leader) return replica.leadsForSure ? 0 : undefined;
  return lag.stalenessMs(state.applied, clock.monotonic());
}

function requireWithin(replica: ShardReplica, maxStalenessMs: number): void {
  const known = stalenessOf(replica);
  if (known !== undefined && known <= maxStalenessMs) return;
  const stalenessMs = known === undefined ? undefined : Math.ceil(known);
  const how = stalenessMs === undefined ? 'does not know how stale it is' : `may be ${stalenessMs} ms stale`;
  throw new DriftlessError('too-stale', `This replica ${how}.`, { stalenessMs });
}

/** `waitMs`: how long what the session has seen may take to arrive; undefined when it needn't. */
async function requireSession(
  replica: ShardReplica,
  seen: Position,
  waitMs: number | undefined,
  span: TraceSpan | undefined,
): Promise<void> {
  const isThere = (): boolean => sessionPlace(replica, seen).kind !== 'ahead';
  if (waitMs !== undefined && waitMs > 0 && !isThere()) {
    const { arrivals, clock, instruments } = replica.context;
    const startedAt = clock.monotonic();
    span?.event('waits for what its session has seen');
    const reached = await arrivals.until(isThere, waitMs);
    span?.event(reached ? 'has what its session has seen' : 'has waited in vain');
    instruments.sessionWaited(reached, clock.monotonic() - startedAt);
  }
  const problem = sessionProblem(replica, seen);
  if (!problem) return;
  const knowsLess = seen.epoch > replica.context.state.applied.epoch;
  if (waitMs !== undefined || knowsLess || problem.code === 'session-rolled-back') throw problem;
}

function sessionPlace({ context }: ShardReplica, seen: Position): Place {
  return placeOf(seen, context.state.applied, () => context.store.epochs());
}

/** Why this replica can't go on from what a session has seen, or undefined. */
export function sessionProblem(replica: ShardReplica, position: Position): DriftlessError | undefined {
  const place = sessionPlace(replica, position);
  const { shard } = replica;
  switch (place.kind) {
    case 'applied':
      return undefined;
    case 'ahead':
      return new DriftlessError('session-behind', 'This replica has not applied what the session has seen.');
    case 'lost': {
      const at = formatPosition(position);
      const detail = `A failover rolled back what the session had seen of shard ${shard}, at ${at}.`;
      const hint = 'Go on with the session token of this answer, which leaves out what was lost.';
      return new DriftlessError('session-rolled-back', detail, {
        hint,
        lost: { shard, position, agreed: place.agreed },
      });
    }
  }
}
