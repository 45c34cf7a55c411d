/**
 * No phantom: every value that was read, observed or dumped was put under that key, by a put that had begun
 * by then and was not refused. Jepsen calls the refused ones "G1a", aborted reads (Adya, "Weak
 * Consistency", 1999). Counters' values are sums and are judged by `counters`. O(facts).
 */
import type { Position } from '@driftless/contracts';
import { type CheckResult, Findings } from './findings.ts';
import { type History, type KeyHistory, linesOf, type Operation } from './history.ts';
import { described, shown } from './states.ts';

interface Fact {
  key: KeyHistory;
  value: string;
  version: Position | undefined;
  /** By when it was seen. */
  at: number;
  node: string | undefined;
  where: Operation | { line: number };
}

export function checkPhantoms(history: History): CheckResult {
  const findings = new Findings('phantoms');
  for (const fact of factsOf(history)) {
    if (fact.key.counter) continue;
    findings.checked += 1;
    const { key, value, node, where } = fact;
    const put = key.putOf.get(value);
    const problem = problemOf(history, fact, put);
    if (problem === undefined) continue;
    const message = `${shown(value)} was seen${node ? ` on ${node}` : ''}, ${problem}`;
    const operations = ['lines' in where ? where : undefined, put];
    findings.add({ message, key: key.key, shard: key.shard, node, operations, lines: linesOf(where, put) });
  }
  return findings.result();
}

/**
 * What was refused in the end may have been seen as an orphan: a first attempt that was rolled back before
 * the retry was judged.
 */
function problemOf(
  history: History,
  { key, at, version }: Fact,
  put: Operation | undefined,
): string | undefined {
  if (!put) return 'but nobody wrote it under this key';
  const isOrphan = version !== undefined && history.isOrphan(key.shard, version);
  if (put.outcome === 'fail' && !isOrphan)
    return `but ${described(put)} was refused (${put.error ?? 'no code'})`;
  if (put.invokedAt > at) return `before ${described(put)} had begun`;
  return undefined;
}

function* factsOf({ keys, dumps }: History): Generator<Fact> {
  for (const key of keys.values()) {
    for (const { value, version, endedAt: at, operation } of key.readings) {
      if (value !== null) yield { key, value, version, at, node: operation.node, where: operation };
    }
    for (const seen of key.observed) {
      const { value, version, at, node } = seen;
      if (value !== null) yield { key, value, version, at, node, where: seen };
    }
  }
  for (const { at, node, contents } of dumps) {
    for (const row of contents.values()) {
      const key = keys.get(row.key);
      const { value, version } = row;
      if (value !== null && key) yield { key, value, version, at, node, where: row };
    }
  }
}
