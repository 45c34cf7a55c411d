/**
 * The scrub: recomputes digests and root from the rows on disk, so that rot is found although nobody wrote or
 * read. The same audit decides whether a snapshot that was received may be installed.
 */
import {
  type Digest,
  entryDigest,
  equalDigest,
  formatDigest,
  isZeroDigest,
  type ScrubAnswer,
  xorInto,
  zeroDigest,
} from '@driftless/contracts';
import type { Clock } from '@driftless/runtime';
import { changeOf } from '../core/change.ts';
import type { Entry } from '../core/entry.ts';
import type { ShardContext } from './context.ts';
import type { ShardReplica } from './replica.ts';

/** Rows hashed before other work gets its turn. */
const burstRows = 500;
/** Most damaged keys that are named. */
const keysMax = 100;

export interface Audit {
  /** XOR of the digests that the rows' bytes have. */
  root: Digest;
  entries: number;
  /** Keys whose bytes don't have the digest kept beside them. */
  corruptKeys: string[];
}

export async function audit(rows: Iterable<Entry>, clock: Clock): Promise<Audit> {
  const root = zeroDigest();
  const corruptKeys: string[] = [];
  let entries = 0;
  for (const entry of rows) {
    const digest = entryDigest(entry);
    xorInto(root, digest);
    if (!equalDigest(digest, entry.digest) && corruptKeys.length < keysMax) corruptKeys.push(entry.key);
    entries += 1;
    if (entries % burstRows === 0) await clock.turn();
  }
  return { root, entries, corruptKeys };
}

/**
 * A sound replica without drift is proven: it is taken back into service if a rotten row, since overwritten,
 * had taken it out. One that isn't sound goes out of service, and is repaired or replaced (upkeep.ts).
 */
export async function scrub(replica: ShardReplica): Promise<Omit<ScrubAnswer, 'node'>> {
  const { context } = replica;
  const { store } = context;
  const snapshot = store.snapshot();
  const leavesRoot = store.leavesRoot();
  const lastDrift = context.lastDrift;
  const {
    root: rowsRoot,
    entries,
    corruptKeys,
  } = await audit(snapshot.entries, context.clock).finally(() => snapshot.close());
  const { root, applied: position, drift } = snapshot.state;
  const sound = corruptKeys.length === 0 && equalDigest(root, rowsRoot) && equalDigest(root, leavesRoot);
  // A snapshot may have taken the place of what was looked at.
  const isCurrent = context.store === store;
  if (sound && context.state.suspect && isZeroDigest(drift) && context.lastDrift === lastDrift) {
    setSuspect(context, false);
    context.logger.info({ shard: context.shard, position }, 'proven sound; in service again');
  } else if (!sound && !context.state.suspect && isCurrent) {
    setSuspect(context, true);
    const [key] = corruptKeys;
    const reason = 'A scrub found rows or leaves that do not have their digest.';
    context.noteDrift({ at: context.state.applied, reason, ...(key !== undefined && { key }) });
  }
  const roots = {
    keptRoot: formatDigest(root),
    rowsRoot: formatDigest(rowsRoot),
    leavesRoot: formatDigest(leavesRoot),
  };
  return { shard: context.shard, position, entries, ...roots, corruptKeys, sound };
}

function setSuspect(context: ShardContext, suspect: boolean): void {
  const state = { ...context.state, suspect };
  context.commit(changeOf({ state }));
}
