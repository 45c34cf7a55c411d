/**
 * Linearizability (Herlihy and Wing, 1990) of what promises it, a key at a time: `strong` reads,
 * conditional writes, increments, deletes, and the puts that they see. There must be one order of a key's
 * operations in which each takes effect between its beginning and its end, and each answer is what the
 * order gives. Reads of other levels promise less and take no part.
 *
 * The object is register.ts, the search search.ts.
 */
import { type CheckResult, Findings } from './findings.ts';
import { type History, type KeyHistory, linesOf, type Operation } from './history.ts';
import { callsOf, type Held, hasAnswer, heldModel, isStrongRead, type KeyCall } from './register.ts';
import { searchOrder } from './search.ts';
import { described, shown } from './states.ts';

export function checkLinearizability(history: History, configurationsMax?: number): CheckResult {
  const findings = new Findings('linearizability');
  for (const key of history.keys.values()) {
    const isPromised =
      key.readings.some(({ operation }) => isStrongRead(operation)) ||
      key.writes.some((write) => hasAnswer(history, write));
    if (isPromised) checkKey(history, key, findings, configurationsMax);
  }
  return findings.result();
}

function checkKey(history: History, key: KeyHistory, findings: Findings, configurationsMax?: number): void {
  const calls = callsOf(history, key);
  findings.checked += calls.length;
  const result = searchOrder(calls, heldModel, configurationsMax);
  if (result.outcome === 'unknown') {
    findings.doubt(
      `key ${key.key}: ${calls.length} operations, search cut at ${result.configurations} configurations`,
    );
  }
  if (result.outcome !== 'violated') return;
  const stuck = (calls[result.stuck] as KeyCall).operation;
  const writers = result.states.flatMap(({ value }) => (value === null ? [] : (key.putOf.get(value) ?? [])));
  const message = `no order explains ${answered(stuck)}: by then the key ${couldHold(result.states)}`;
  const operations = [stuck, ...writers.filter((write) => write !== stuck)];
  const place = { key: key.key, shard: key.shard, node: stuck.node };
  findings.add({ message, ...place, operations, lines: linesOf(...operations) });
}

function answered(operation: Operation): string {
  const { kind, outcome, error, answer } = operation;
  if (outcome === 'fail') return `that ${described(operation)} was refused (${error})`;
  return kind === 'increment' ? `${described(operation)} answered ${shown(answer)}` : described(operation);
}

function couldHold(states: readonly Held[]): string {
  return `could hold only ${states.map(({ value }) => shown(value)).join(' or ')}`;
}
