/**
 * Convergence (DESIGN §5): when writes have stopped and faults have ended, all replicas of a shard hold the
 * same rows at the same position. Final dumps are compared row by row; a root is only believed where it
 * differs.
 *
 * The time it took is counted from the end of the last disturbance (a fault's end, a write's end, whichever
 * is later) to the first moment from which on all replicas were seen to stand equal (`applied`); without
 * such observations to the last final dump, which is an upper bound. "Eventually" can't be refuted by a
 * finite history, a published bound can: `convergedWithinMs`. O(rows × replicas).
 */
import { comparePositions, formatPosition } from '@driftless/contracts';
import { type CheckResult, Findings } from './findings.ts';
import { type Applied, type Dump, type History, isWrite, latestFinalDumps, linesOf } from './history.ts';
import { shown } from './states.ts';

export function checkConvergence(history: History, convergedWithinMs?: number): CheckResult {
  const findings = new Findings('convergence');
  const replicas = Map.groupBy(latestFinalDumps(history.dumps), ({ shard }) => shard);
  let slowest: { ms: number; lines: number[]; shard: number | undefined } | undefined;
  for (const [shard, dumps] of replicas) {
    const [first, ...others] = dumps;
    if (!first || others.length === 0) continue;
    for (const other of others) compare(first, other, findings);
    const took = timeTaken(history, shard, dumps);
    if (took && (!slowest || took.ms > slowest.ms)) slowest = { ...took, shard };
  }
  if (!slowest) return findings.result();
  findings.figures.convergedAfterMs = slowest.ms;
  if (convergedWithinMs !== undefined && slowest.ms > convergedWithinMs) {
    const took = `it took ${Math.round(slowest.ms)} ms to converge`;
    const message = `${took}, and the bound is ${convergedWithinMs} ms`;
    findings.add({ message, shard: slowest.shard, lines: slowest.lines });
  }
  return findings.result();
}

function compare(a: Dump, b: Dump, findings: Findings): void {
  const place = { shard: b.shard, node: b.node };
  if (a.position && b.position && comparePositions(a.position, b.position) !== 0) {
    const [here, there] = [formatPosition(a.position), formatPosition(b.position)];
    const message = `${a.node} stands at ${here}, ${b.node} at ${there}`;
    findings.add({ message, ...place, lines: linesOf(a, b) });
  } else if (a.root && b.root && a.root !== b.root) {
    const message = `${a.node} and ${b.node} have different roots`;
    findings.add({ message, ...place, lines: linesOf(a, b) });
  }
  for (const key of new Set([...a.contents.keys(), ...b.contents.keys()])) {
    findings.checked += 1;
    const [one, other] = [a.contents.get(key), b.contents.get(key)];
    if (one && other && one.value === other.value && comparePositions(one.version, other.version) === 0)
      continue;
    const [here, there] = [one, other].map((row) => (row ? shown(row.value, row.version) : 'no row'));
    const message = `${a.node} holds ${here}, ${b.node} holds ${there}`;
    findings.add({ message, key, ...place, lines: linesOf(one ?? a, other ?? b) });
  }
}

function timeTaken(
  history: History,
  shard: number | undefined,
  dumps: readonly Dump[],
): { ms: number; lines: number[] } | undefined {
  const calmAt = lastDisturbance(history, shard);
  if (calmAt === undefined) return undefined;
  const equal =
    shard === undefined ? undefined : equalSince(history, shard, new Set(dumps.map(({ node }) => node)));
  const seen = equal ?? dumps.reduce((a, b) => (a.at >= b.at ? a : b));
  return { ms: Math.max(0, seen.at - calmAt), lines: linesOf(seen) };
}

function lastDisturbance(
  { faults, operations, shardOf }: History,
  shard: number | undefined,
): number | undefined {
  const times = faults.filter(({ phase }) => phase === 'end').map(({ at }) => at);
  for (const operation of operations) {
    if (!isWrite(operation) || (shard !== undefined && (shardOf(operation.key) ?? shard) !== shard)) continue;
    times.push(Number.isFinite(operation.endedAt) ? operation.endedAt : operation.invokedAt);
  }
  return times.reduce<number | undefined>(
    (latest, at) => (latest === undefined ? at : Math.max(latest, at)),
    undefined,
  );
}

/** The observation that completed the equality which then lasted; undefined when there is none. */
function equalSince({ applied }: History, shard: number, nodes: ReadonlySet<string>): Applied | undefined {
  const stands = new Map<string, Applied>();
  let since: Applied | undefined;
  for (const seen of applied) {
    if (seen.shard !== shard || !nodes.has(seen.node)) continue;
    stands.set(seen.node, seen);
    const places = new Set(
      [...stands.values()].map(({ position, root }) => `${formatPosition(position)} ${root ?? ''}`),
    );
    if (stands.size < nodes.size || places.size > 1) since = undefined;
    else since ??= seen;
  }
  return since;
}
