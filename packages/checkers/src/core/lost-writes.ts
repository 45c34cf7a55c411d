/**
 * No acknowledged write is lost (DESIGN §5). For each key, some final replica must hold a state at least as
 * new as every write that was acknowledged at a level which had to survive the faults; and no such write
 * may lie past the end of its epoch. A replica alone that lacks it is `convergence`'s business, an
 * acknowledged delete that is undone `resurrections`'.
 *
 * The idea of judging a final read against what was acknowledged is Jepsen's `set` and `set-full` checkers.
 * O(writes × replicas).
 */
import { comparePositions } from '@driftless/contracts';
import { type CheckResult, Findings } from './findings.ts';
import { type Dump, type History, type KeyHistory, linesOf, type Operation, type Row } from './history.ts';
import { certainlyOlder, described, mayBeGone, shown } from './states.ts';

export function checkLostWrites(history: History): CheckResult {
  const findings = new Findings('lost-writes');
  for (const key of history.keys.values()) {
    for (const write of key.writes) if (history.isDurable(write)) checkOrphan(history, key, write, findings);
    const lost = newestLost(history, key, findings);
    if (lost) findings.add(lost);
  }
  return findings.result();
}

function checkOrphan(
  history: History,
  { key, shard }: KeyHistory,
  write: Operation,
  findings: Findings,
): void {
  if (!write.version || !history.isOrphan(shard, write.version)) return;
  findings.checked += 1;
  const message = `${described(write)} was acknowledged (${write.ack}), but its epoch ended before it`;
  findings.add({ message, key, shard, operations: [write], lines: linesOf(write) });
}

/** Of the lost writes only the newest: had it been kept, those before it would rightly be overwritten. */
function newestLost(history: History, key: KeyHistory, findings: Findings) {
  const held = newestFinal(key);
  if (!held) return undefined;
  const writes = key.writes.filter(
    (write) => write.kind !== 'delete' && history.isDurable(write) && write.endedAt <= held.dump.at,
  );
  findings.checked += writes.length;
  const lost = writes.filter((write) => isLost(history, key, write, held));
  const newest = lost.reduce<Operation | undefined>((a, b) => (a && isNewer(a, b) ? a : b), undefined);
  if (!newest) return undefined;
  const holds = held.row ? shown(held.row.value, held.row.version) : 'nothing';
  const promise = `${described(newest)} was acknowledged (${newest.ack})`;
  const message = `${promise}, but the newest replica holds ${holds}`;
  return {
    message,
    key: key.key,
    shard: key.shard,
    node: held.dump.node,
    operations: [newest],
    lines: linesOf(newest, held.row ?? held.dump),
  };
}

/** The newest row of a key among the final dumps; without one, a dump that doesn't have the key. */
export function newestFinal({ final }: KeyHistory): { dump: Dump; row: Row | undefined } | undefined {
  return final.reduce<KeyHistory['final'][number] | undefined>((best, held) => {
    if (!best?.row) return held.row || !best ? held : best;
    return held.row && comparePositions(held.row.version, best.row.version) > 0 ? held : best;
  }, undefined);
}

function isLost(
  history: History,
  key: KeyHistory,
  write: Operation,
  { dump, row }: { dump: Dump; row: Row | undefined },
): boolean {
  const state = { version: write.version, write };
  if (!row) return !mayBeGone(history, key, state, dump.at);
  if (row.value === null && !write.version) return !mayBeGone(history, key, state, dump.at);
  const holder = row.value === null || key.counter ? undefined : key.putOf.get(row.value);
  return certainlyOlder(history, { version: row.version, write: holder }, state);
}

function isNewer(a: Operation, b: Operation): boolean {
  if (a.version && b.version) return comparePositions(a.version, b.version) > 0;
  return a.invokedAt > b.invokedAt;
}
