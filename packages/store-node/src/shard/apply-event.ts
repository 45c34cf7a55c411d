/** The shell of one apply: check and commit in one transaction, and tell what was found. */
import { type Batch, bucketOf } from '@driftless/contracts';
import { applyBatch } from '../core/apply.ts';
import type { ShardContext } from './context.ts';
import { unlessSkipped } from './inject.ts';

/**
 * `stream`: where the event came from; undefined when a peer's log gave it. The batch was judged before.
 * Whether the replica came to the roots that it carries.
 */
export function applyEvent(
  context: ShardContext,
  batch: Batch,
  event: Uint8Array,
  stream: { seq: number } | undefined,
): 'applied' | 'drifted' {
  const { store, instruments, clock } = context;
  const startedAt = clock.monotonic();
  const applied = applyBatch(batch, event, context.state, (key) => store.head(key), stream);
  context.commit(unlessSkipped(context, applied.change, false), 'written');
  const { applied: at } = context.state;
  const afterMs = Math.max(0, clock.wall() - batch.committedAt);
  for (const { reason, key } of applied.found) {
    if (key !== undefined) context.soundness.suspect(bucketOf(key));
    const drift = { at, reason: driftReasons[reason], ...(key !== undefined && { key }) };
    context.noteDrift(drift, { by: 'event', afterMs });
  }
  if (applied.equalAgain) {
    context.logger.info({ shard: context.shard, at }, 'roots are equal again');
  }
  const result = applied.found.length > 0 ? 'drifted' : 'applied';
  instruments.applied(context.shard, result, batch.ops.length, clock.monotonic() - startedAt);
  instruments.lagAtApply(context.shard, afterMs);
  return result;
}

const driftReasons = {
  before: 'The root before an event is not the one that the event was made on.',
  after: 'An event did not lead to the root that it carries.',
  row: "A row's bytes did not have its digest when an event overwrote it.",
};
