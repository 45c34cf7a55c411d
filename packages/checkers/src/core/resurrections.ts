/**
 * No resurrection: a key whose delete was acknowledged doesn't show an older value again. A replica that
 * lags may still show one, so three things count: the newest final replica; a node that had shown the
 * tombstone; and a read whose own position is at or past the delete.
 *
 * The classical way there is a tombstone that is collected before every replica has it: Cassandra's
 * "zombies", Riak's `delete_mode`. That is a violation by itself, whether a value came back by it or not. A
 * member certainly had not come to a row when it was removed if it stood before it afterwards, and was never
 * seen at it or past it. O(n log n).
 */
import { comparePositions, formatPosition, type Position } from '@driftless/contracts';
import { type CheckResult, Findings } from './findings.ts';
import { type Collected, type History, type KeyHistory, linesOf, type Operation } from './history.ts';
import { newestFinal } from './lost-writes.ts';
import { missedAtPositions } from './positions.ts';
import { setbacksOf } from './setbacks.ts';
import { certainlyOlder, described, laterOf, shown } from './states.ts';

export function checkResurrections(history: History): CheckResult {
  const findings = new Findings('resurrections');
  for (const key of history.keys.values()) {
    const deletes = key.writes.filter((write) => write.kind === 'delete' && history.isDurable(write));
    findings.checked += deletes.length;
    checkFinal(history, key, deletes, findings);
    checkNodes(history, key, findings);
    for (const { reading, missed } of missedAtPositions(history, key)) {
      if (missed.kind !== 'delete') continue;
      const { operation, value, version } = reading;
      const at = operation.position && formatPosition(operation.position);
      const read = `${shown(value, version)} was read at ${at}`;
      const message = `${read}, past the acknowledged ${described(missed)}`;
      add(findings, key, message, [missed, operation], { node: operation.node });
    }
  }
  checkCollected(history, findings);
  return findings.result();
}

function checkCollected({ collected, applied }: History, findings: Findings): void {
  const furthest = new Map<string, Position>();
  /** The newest row of each record that a node had not come to, until the node is seen again. */
  const missing = new Map<string, { record: Collected; row: Collected['rows'][number] }[]>();
  const inOrder = [...collected, ...applied].sort((a, b) => a.line - b.line);
  for (const event of inOrder) {
    if (event.type === 'collected') {
      findings.checked += 1;
      const row = event.rows.reduce((a, b) => (comparePositions(a.version, b.version) < 0 ? b : a));
      for (const member of event.members) {
        const place = `${member} ${event.shard}`;
        const known = furthest.get(place);
        if (!known || comparePositions(known, row.version) >= 0) continue;
        missing.set(place, [...(missing.get(place) ?? []), { record: event, row }]);
      }
      continue;
    }
    const { node, shard, position } = event;
    const place = `${node} ${shard}`;
    furthest.set(place, laterOf(furthest.get(place), position));
    for (const { record, row } of missing.get(place) ?? []) {
      if (comparePositions(position, row.version) >= 0) continue;
      const what = `${row.key} at ${formatPosition(row.version)}`;
      const message =
        `${what} was removed for good at ${formatPosition(record.position)}, ` +
        `though ${node} stood at ${formatPosition(position)}`;
      findings.add({ message, key: row.key, shard, node, lines: linesOf(record, event) });
    }
    missing.delete(place);
  }
}

function checkFinal(
  history: History,
  key: KeyHistory,
  deletes: readonly Operation[],
  findings: Findings,
): void {
  const held = newestFinal(key);
  if (!held?.row || held.row.value === null) return;
  const { dump, row } = held;
  const write = row.value === null || key.counter ? undefined : key.putOf.get(row.value);
  const state = { version: row.version, write };
  const undone = deletes.findLast(
    (write) => write.endedAt <= dump.at && certainlyOlder(history, state, { version: write.version, write }),
  );
  if (!undone) return;
  const promise = `${described(undone)} was acknowledged (${undone.ack})`;
  const message = `${promise}, but ${shown(row.value, row.version)} is back`;
  add(findings, key, message, [undone], { node: dump.node, row });
}

function checkNodes(history: History, key: KeyHistory, findings: Findings): void {
  for (const { before, after } of setbacksOf(history, key, () => undefined)) {
    if (before.value !== null || after.value === null) continue;
    findings.checked += 1;
    const message =
      `${after.node} showed ${shown(after.value, after.version)}, ` +
      `after it had shown the tombstone at ${formatPosition(before.version)}`;
    const { key: name, shard } = key;
    findings.add({ message, key: name, shard, node: after.node, lines: linesOf(before.where, after.where) });
  }
}

function add(
  findings: Findings,
  { key, shard }: KeyHistory,
  message: string,
  operations: Operation[],
  { node, row }: { node?: string | undefined; row?: { line: number } },
): void {
  findings.add({ message, key, shard, node, operations, lines: linesOf(...operations, row) });
}
