/**
 * One writer an epoch, and a log without gaps (DESIGN §2–4). Of each shard:
 *
 * - an epoch has one leader and one first seq, whoever tells of it, and epochs begin in their order;
 * - the writes that were answered in an epoch were served by one node, and none has a seq from before it;
 * - a version names one write, and a put has one version: two may mean that it was applied twice;
 * - the log of each node has every seq once, and where two nodes hold the same batch it is the same.
 *
 * This is Raft's "election safety", "log matching" and "state machine safety" (Ongaro and Ousterhout,
 * 2014), by what is to be seen from outside. O(n log n).
 */
import { comparePositions, formatPosition, type Position } from '@driftless/contracts';
import { type CheckResult, Findings } from './findings.ts';
import {
  type EpochSeen,
  type History,
  type KeyHistory,
  type LogBatch,
  linesOf,
  type Operation,
} from './history.ts';
import { described, shown } from './states.ts';

export function checkSingleWriter(history: History): CheckResult {
  const findings = new Findings('single-writer');
  checkEpochs(history, findings);
  checkServers(history, findings);
  checkVersions(history, findings);
  checkLogs(history, findings);
  return findings.result();
}

function checkEpochs({ epochs }: History, findings: Findings): void {
  for (const [shard, seen] of Map.groupBy(epochs, ({ shard }) => shard)) {
    const first = new Map<number, EpochSeen>();
    for (const epoch of seen) {
      findings.checked += 1;
      const other = first.get(epoch.epoch);
      first.set(epoch.epoch, other?.leader ? other : epoch);
      const problem = other && disagreement(other, epoch);
      if (!problem) continue;
      const message = `epoch ${epoch.epoch} of shard ${shard} has two ${problem}`;
      findings.add({ message, shard, node: epoch.node, lines: linesOf(other, epoch) });
    }
    const ordered = [...first.values()].sort((a, b) => a.epoch - b.epoch);
    for (const [i, epoch] of ordered.entries()) {
      const before = ordered[i - 1];
      if (!before || before.firstSeq < epoch.firstSeq) continue;
      const begins = `epoch ${epoch.epoch} of shard ${shard} begins at ${epoch.firstSeq}`;
      const message = `${begins}, no later than epoch ${before.epoch}`;
      findings.add({ message, shard, node: epoch.node, lines: linesOf(before, epoch) });
    }
  }
}

function disagreement(a: EpochSeen, b: EpochSeen): string | undefined {
  if (a.firstSeq !== b.firstSeq) return `beginnings: ${a.firstSeq} and ${b.firstSeq}`;
  if (a.leader && b.leader && a.leader !== b.leader) return `leaders: ${a.leader} and ${b.leader}`;
  return undefined;
}

/**
 * Who served the writes of an epoch. Without shards nothing is known, as each key could be in one of its
 * own.
 */
function checkServers({ keys, shards, epochs }: History, findings: Findings): void {
  if (shards === undefined) return;
  const starts = new Map<string, EpochSeen>();
  for (const seen of epochs) starts.set(`${seen.shard} ${seen.epoch}`, seen);
  const servers = new Map<string, Operation>();
  for (const { key, shard, writes } of keys.values()) {
    for (const write of writes) {
      const { version, node, outcome } = write;
      if (outcome !== 'ok' || !version) continue;
      findings.checked += 1;
      const epoch = `${shard} ${version.epoch}`;
      const start = starts.get(epoch);
      const other = node === undefined ? undefined : (servers.get(epoch) ?? write);
      if (other) servers.set(epoch, other);
      const place = { key, shard, node };
      if (other && other.node !== node) {
        const message = `epoch ${version.epoch} of shard ${shard} has two writers: ${other.node} and ${node}`;
        findings.add({ message, ...place, operations: [other, write], lines: linesOf(other, write) });
      }
      if (node && start?.leader && start.leader !== node) {
        const message = `${node} served ${described(write)}, but ${start.leader} led that epoch`;
        findings.add({ message, ...place, operations: [write], lines: linesOf(start, write) });
      }
      if (start && version.seq <= start.firstSeq) {
        const message = `${described(write)} is no later than the epoch's first record, ${start.firstSeq}`;
        findings.add({ message, ...place, operations: [write], lines: linesOf(start, write) });
      }
    }
  }
}

/** What was seen at a version, and where. */
interface Naming {
  key: KeyHistory;
  version: Position;
  /** Null: deleted. Undefined: an increment that did not say. */
  value: string | null | undefined;
  where: Operation | { line: number };
}

function checkVersions(history: History, findings: Findings): void {
  const named = new Map<string, Naming>();
  const versionOfPut = new Map<Operation, Naming>();
  for (const naming of namings(history)) {
    findings.checked += 1;
    const { key, version, value, where } = naming;
    const name = `${key.shard ?? key.key} ${formatPosition(version)}`;
    const other = named.get(name);
    if (!other) named.set(name, naming);
    else if (other.key !== key || differ(other.value, value)) {
      const [a, b] = [shown(other.value), shown(value)];
      const whose = other.key === key ? '' : ` of the keys ${other.key.key} and ${key.key}`;
      const message = `version ${formatPosition(version)} names two writes${whose}: ${a} and ${b}`;
      findings.add({ message, key: key.key, shard: key.shard, lines: linesOf(other.where, where) });
    }
    const put = value == null || key.counter ? undefined : key.putOf.get(value);
    const before = put && versionOfPut.get(put);
    if (put && !before) versionOfPut.set(put, naming);
    else if (put && before && isTwice(history, put, before, naming)) {
      const [one, two] = [formatPosition(before.version), formatPosition(version)];
      const message = `${described(put)} was seen at ${one} and at ${two}`;
      findings.add({
        message,
        key: key.key,
        shard: key.shard,
        operations: [put],
        lines: linesOf(before.where, where),
      });
    }
  }
}

function differ(a: string | null | undefined, b: string | null | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

/**
 * An orphan may come back as a new operation, in a later epoch, or be done anew by a retry that is
 * acknowledged then; what was durably acknowledged and lies in its epoch is none.
 */
function isTwice(history: History, put: Operation, a: Naming, b: Naming): boolean {
  if (comparePositions(a.version, b.version) === 0) return false;
  if (a.version.epoch === b.version.epoch) return true;
  const { shard } = a.key;
  return history.isDurable(put) && !history.isOrphan(shard, a.version) && !history.isOrphan(shard, b.version);
}

function* namings({ keys, dumps }: History): Generator<Naming> {
  for (const key of keys.values()) {
    for (const write of key.writes) {
      const { version, outcome, kind, value, answer } = write;
      if (!version || outcome === 'fail') continue;
      const result = kind === 'put' ? value : kind === 'delete' ? null : answer;
      yield { key, version, value: result, where: write };
    }
    for (const { version, value, operation } of key.readings) {
      if (version) yield { key, version, value, where: operation };
    }
    for (const seen of key.observed) yield { key, version: seen.version, value: seen.value, where: seen };
  }
  for (const { contents } of dumps) {
    for (const row of contents.values()) {
      const key = keys.get(row.key);
      if (key) yield { key, version: row.version, value: row.value, where: row };
    }
  }
}

function checkLogs({ logs }: History, findings: Findings): void {
  const known = new Map<string, LogBatch>();
  const last = new Map<string, LogBatch>();
  for (const batch of logs) {
    findings.checked += 1;
    const { node, shard, epoch, firstSeq, lastSeq, digest } = batch;
    const before = last.get(`${node} ${shard}`);
    last.set(`${node} ${shard}`, batch);
    if (before && (firstSeq !== before.lastSeq + 1 || epoch < before.epoch)) {
      const from = formatPosition({ epoch: before.epoch, seq: before.lastSeq });
      const to = formatPosition({ epoch, seq: firstSeq });
      const message = `the log of shard ${shard} on ${node} goes from ${from} to ${to}`;
      findings.add({ message, shard, node, lines: linesOf(before, batch) });
    }
    const same = known.get(`${shard} ${firstSeq}`);
    known.set(`${shard} ${firstSeq}`, same ?? batch);
    const isOther = same && (same.epoch !== epoch || same.lastSeq !== lastSeq || differ(same.digest, digest));
    if (!isOther) continue;
    const message = `${same.node} and ${node} hold different batches at ${firstSeq} of shard ${shard}`;
    findings.add({ message, shard, node, lines: linesOf(same, batch) });
  }
}
