/**
 * Counters stay within their interval: increments that were acknowledged count exactly once, those whose
 * outcome nobody knows at most once, refused ones never. This is Jepsen's `counter` checker, for increments
 * of either sign.
 *
 *     certain + what unknown negatives may take  ≤  value  ≤  certain + what unknown positives may add
 *
 * "Certain" are, for a final dump, the durable acknowledgements; for a `strong` read and for an increment's
 * own answer, those that had ended before it began; for any other read nothing, as it may be stale.
 * "Unknown" is all else that had begun by then and was not refused. A key that is also put, deleted or
 * expires is no counter in this sense, and is left to `linearizability`. O(n log n) a key.
 */
import { type CheckResult, Findings } from './findings.ts';
import { type History, type KeyHistory, linesOf, type Operation } from './history.ts';
import { newestFinal } from './lost-writes.ts';
import { compareTimes } from './real-time.ts';
import { described, shown } from './states.ts';

interface Seen {
  value: string | null;
  /** What had ended before this is certain; −Infinity when nothing is. */
  certainBefore: number;
  /** What had begun by this is possible. */
  possibleBy: number;
  /** Of an increment's answer: the increment, which is certain. */
  own?: Operation;
  node: string | undefined;
  where: Operation | { line: number };
}

export function checkCounters(history: History): CheckResult {
  const findings = new Findings('counters');
  for (const key of history.keys.values()) {
    const isPure = key.writes.every(({ kind, outcome }) => kind === 'increment' || outcome === 'fail');
    if (key.counter && isPure) checkCounter(history, key, findings);
  }
  return findings.result();
}

function checkCounter(history: History, key: KeyHistory, findings: Findings): void {
  const possible = key.writes.filter(({ outcome }) => outcome !== 'fail');
  const durable = possible.filter((write) => history.isDurable(write));
  const begun = new Sums(possible.map(({ invokedAt, by }) => ({ at: invokedAt, by })));
  const ended = new Sums(durable.map(({ endedAt, by }) => ({ at: endedAt, by })));
  for (const { value, certainBefore, possibleBy, own, node, where } of seenOf(history, key)) {
    findings.checked += 1;
    const sure = ended.before(certainBefore);
    const may = begun.upTo(possibleBy);
    const low = sure.up + may.down + (own && own.by > 0 ? own.by : 0);
    const high = may.up + sure.down + (own && own.by < 0 ? own.by : 0);
    const count = value === null ? 0 : /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
    if (count >= low && count <= high) continue;
    const interval = low === high ? `be ${low}` : `lie between ${low} and ${high}`;
    const what = own ? `${described(own)} answered ${shown(value)}` : `${shown(value)} was seen`;
    const message = `${what}${node ? ` on ${node}` : ''}, but the counter must ${interval}`;
    const operations = ['lines' in where ? where : undefined];
    findings.add({ message, key: key.key, shard: key.shard, node, operations, lines: linesOf(where) });
  }
}

function* seenOf(history: History, key: KeyHistory): Generator<Seen> {
  const { writes, readings, observed } = key;
  const never = Number.NEGATIVE_INFINITY;
  for (const { value, operation, invokedAt, endedAt } of readings) {
    const certainBefore = operation.consistency === 'strong' ? invokedAt : never;
    yield { value, certainBefore, possibleBy: endedAt, node: operation.node, where: operation };
  }
  for (const seen of observed) {
    yield { value: seen.value, certainBefore: never, possibleBy: seen.at, node: seen.node, where: seen };
  }
  for (const write of writes) {
    const { outcome, answer, invokedAt, endedAt, node } = write;
    if (outcome !== 'ok' || answer === undefined) continue;
    // An answer that may be rolled back rests on a state that may be rolled back, too.
    const certainBefore = history.isDurable(write) ? invokedAt : never;
    yield { value: answer, certainBefore, possibleBy: endedAt, own: write, node, where: write };
  }
  const final = newestFinal(key);
  if (final) {
    const { dump, row } = final;
    const value = row?.value ?? null;
    yield { value, certainBefore: dump.at, possibleBy: dump.at, node: dump.node, where: row ?? dump };
  }
}

/** Sums of increments up to a time, those that add apart from those that take. */
class Sums {
  readonly #times: number[] = [];
  readonly #up: number[] = [0];
  readonly #down: number[] = [0];

  constructor(increments: { at: number; by: number }[]) {
    for (const { at, by } of [...increments].sort((a, b) => compareTimes(a.at, b.at))) {
      this.#times.push(at);
      this.#up.push((this.#up.at(-1) ?? 0) + Math.max(0, by));
      this.#down.push((this.#down.at(-1) ?? 0) + Math.min(0, by));
    }
  }

  before(at: number): { up: number; down: number } {
    return this.#sum((time) => time < at);
  }

  upTo(at: number): { up: number; down: number } {
    return this.#sum((time) => time <= at);
  }

  #sum(isIn: (time: number) => boolean): { up: number; down: number } {
    let low = 0;
    let high = this.#times.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isIn(this.#times[middle] as number)) low = middle + 1;
      else high = middle;
    }
    return { up: this.#up[low] ?? 0, down: this.#down[low] ?? 0 };
  }
}
