/**
 * Positions are honest: an answer that says "my replica stands at p" shows nothing newer than p, and
 * nothing older than the newest durable write of the key up to p. So even an `eventual` read is checked
 * against what it claims about itself; a replica that skipped an event shows here although its lag looks
 * fine.
 *
 * (A snapshot read at p in the sense of Adya, "Weak Consistency", 1999, one key at a time.) An older value
 * at or past the position of an acknowledged delete is `resurrections`'. O(log n) a read.
 */
import { comparePositions, formatPosition, type Position } from '@driftless/contracts';
import { type CheckResult, Findings } from './findings.ts';
import { type History, isWrite, type KeyHistory, linesOf, type Operation, type Reading } from './history.ts';
import { described, fallsShort, shown } from './states.ts';

export function checkPositions(history: History): CheckResult {
  const findings = new Findings('positions');
  for (const key of history.keys.values()) {
    for (const write of key.writes) {
      if (write.version && write.position) checkAhead(write, write.version, key, findings);
    }
    for (const reading of key.readings) {
      if (reading.operation.kind !== 'get' || !reading.operation.position) continue;
      if (reading.version) checkAhead(reading.operation, reading.version, key, findings);
      else findings.checked += 1;
    }
    for (const { reading, missed } of missedAtPositions(history, key)) {
      if (missed.kind === 'delete') continue;
      const { operation } = reading;
      const at = operation.position && formatPosition(operation.position);
      const message = `${shown(reading.value, reading.version)} was read at ${at}, past ${described(missed)}`;
      const operations = [missed, operation];
      const { node } = operation;
      findings.add({
        message,
        key: key.key,
        shard: key.shard,
        node,
        operations,
        lines: linesOf(...operations),
      });
    }
  }
  return findings.result();
}

function checkAhead(operation: Operation, version: Position, key: KeyHistory, findings: Findings): void {
  findings.checked += 1;
  const { node, position } = operation;
  if (!position || comparePositions(version, position) <= 0) return;
  const message = `${described(operation)} was answered at ${formatPosition(position)}, which is before it`;
  const place = { key: key.key, shard: key.shard, node };
  findings.add({ message, ...place, operations: [operation], lines: linesOf(operation) });
}

/** Reads that show less than the newest durable write which their own position covers. */
export function missedAtPositions(
  history: History,
  key: KeyHistory,
): { reading: Reading; missed: Operation }[] {
  const durable = key.writes
    .filter((write) => isWrite(write) && write.version && history.isDurable(write))
    .sort((a, b) => comparePositions(a.version as Position, b.version as Position));
  return key.readings.flatMap((reading) => {
    const { kind, position } = reading.operation;
    const missed = kind === 'get' && position ? newestUpTo(durable, position) : undefined;
    if (!missed || !fallsShort(history, key, reading, { version: missed.version, write: missed })) return [];
    return [{ reading, missed }];
  });
}

function newestUpTo(writes: readonly Operation[], position: Position): Operation | undefined {
  let low = 0;
  let high = writes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comparePositions(writes[middle]?.version as Position, position) <= 0) low = middle + 1;
    else high = middle;
  }
  return writes[low - 1];
}
