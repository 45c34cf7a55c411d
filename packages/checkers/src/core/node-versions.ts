/**
 * On each node, a key's version and a shard's applied position only grow. That is "monotonic reads" of a
 * client who always asks the same node, and the least that an ordered log must give. Going back from a
 * tombstone to a value is `resurrections`'. A final dump stands against what the node showed before. O(n
 * log n).
 */
import { comparePositions, formatPosition } from '@driftless/contracts';
import { type CheckResult, Findings } from './findings.ts';
import { type Applied, type History, linesOf } from './history.ts';
import { setbacksOf } from './setbacks.ts';
import { shown } from './states.ts';

export function checkNodeVersions(history: History): CheckResult {
  const findings = new Findings('node-versions');
  for (const key of history.keys.values()) {
    const setbacks = setbacksOf(history, key, (count) => {
      findings.checked += count;
    });
    for (const { before, after } of setbacks) {
      if (before.value === null && after.value !== null) continue;
      const message =
        `${after.node} showed ${shown(after.value, after.version)}, ` +
        `after it had shown ${shown(before.value, before.version)}`;
      const lines = linesOf(before.where, after.where);
      findings.add({ message, key: key.key, shard: key.shard, node: after.node, lines });
    }
  }
  checkApplied(history, findings);
  return findings.result();
}

function checkApplied(history: History, findings: Findings): void {
  const furthest = new Map<string, Applied>();
  for (const applied of history.applied) {
    const { node, shard, position } = applied;
    const place = `${node} ${shard}`;
    const before = furthest.get(place);
    if (before) findings.checked += 1;
    if (before && comparePositions(position, before.position) < 0) {
      const [from, to] = [formatPosition(before.position), formatPosition(position)];
      const message = `${node} went back from ${from} to ${to} in shard ${shard}`;
      findings.add({ message, shard, node, lines: linesOf(before, applied) });
    } else if (!history.isOrphan(shard, position)) {
      furthest.set(place, applied);
    }
  }
}
