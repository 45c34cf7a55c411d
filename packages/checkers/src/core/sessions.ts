/**
 * The four session guarantees of Terry, Demers, Petersen, Spreitzer, Theimer and Welch, "Session Guarantees
 * for Weakly Consistent Replicated Data" (PDIS 1994), by what each operation showed:
 *
 * - read your writes: a read shows the session's own earlier writes of the key, or something newer;
 * - monotonic reads: a read never shows less than an earlier read of the session;
 * - monotonic writes: a session's writes are ordered as it made them;
 * - writes follow reads: a write is ordered after everything that the session had read.
 *
 * Every operation with the session's token counts as its past; a promise have only reads at the levels
 * `session` and `strong`, and writes. "Earlier" is real time: it had ended before the other began. Where
 * the history knows the shard of a key, orders are compared a shard (that is what positions order), else a
 * key. Across shards no order is promised beyond reads, and none is checked. O(n log n) a session.
 */
import { comparePositions, formatPosition, type Position } from '@driftless/contracts';
import { type CheckerName, type CheckResult, Findings } from './findings.ts';
import { type History, isWrite, linesOf, type Operation, type Reading, type State } from './history.ts';
import { inRealTime, type Span } from './real-time.ts';
import { certainlyOlder, described, fallsShort } from './states.ts';

/** A state that the session knows of, and the operation it has it from. */
interface Mark extends State {
  operation: Operation;
  /** At this position the key was seen to be absent, so no older version may show again. */
  absentAt?: Position | undefined;
}
interface Past extends Span, Mark {
  key: string;
}

export function checkReadYourWrites(history: History): CheckResult {
  return checkReads(history, 'read-your-writes', (session) =>
    session.operations
      .filter((operation) => isWrite(operation) && operation.outcome === 'ok')
      .map((operation) => {
        const { key, version, invokedAt, endedAt } = operation;
        return { key, version, invokedAt, endedAt, write: operation, operation };
      }),
  );
}

export function checkMonotonicReads(history: History): CheckResult {
  return checkReads(history, 'monotonic-reads', (session) =>
    session.readings.flatMap((reading): Past[] => {
      if (reading.value !== null) return [reading];
      const { key, operation, invokedAt, endedAt } = reading;
      const absentAt = operation.position;
      if (!absentAt) return [];
      return [{ key, operation, invokedAt, endedAt, version: undefined, write: undefined, absentAt }];
    }),
  );
}

export function checkMonotonicWrites(history: History): CheckResult {
  return checkWrites(history, 'monotonic-writes', 'its own', (session) => writesWithVersion(session));
}

export function checkWritesFollowReads(history: History): CheckResult {
  return checkWrites(history, 'writes-follow-reads', 'the session’s', (session) =>
    session.readings.flatMap((reading) =>
      reading.version ? [{ ...reading, version: reading.version }] : [],
    ),
  );
}

interface Session {
  operations: Operation[];
  readings: Reading[];
}

function sessionsOf({ sessions, readings }: History): Session[] {
  const read = Map.groupBy(readings, ({ operation }) => operation.session);
  return [...sessions].map(([name, operations]) => ({ operations, readings: read.get(name) ?? [] }));
}

/** The newest that a session knows of a key. Versions and real time are two orders, so there are two ends. */
interface Floor {
  byVersion?: Mark;
  byTime?: Mark;
  absent?: Mark;
}

function raise(history: History, floor: Floor, mark: Mark): void {
  const { version, write, absentAt } = mark;
  if (absentAt) {
    if (!floor.absent?.absentAt || comparePositions(floor.absent.absentAt, absentAt) < 0) floor.absent = mark;
  } else if (version) {
    if (!floor.byVersion || certainlyOlder(history, floor.byVersion, mark)) floor.byVersion = mark;
  } else if (write && (!floor.byTime?.write || floor.byTime.write.invokedAt < write.invokedAt)) {
    floor.byTime = mark;
  }
}

function checkReads(
  history: History,
  checker: CheckerName,
  pastOf: (session: Session) => Past[],
): CheckResult {
  const findings = new Findings(checker);
  for (const session of sessionsOf(history)) {
    const floors = new Map<string, Floor>();
    const shardFloors = new Map<number, Past>();
    const promised = session.readings.filter(
      ({ operation }) => operation.consistency === 'session' || operation.consistency === 'strong',
    );
    inRealTime(pastOf(session), promised, {
      learn: (past) => {
        const floor = floors.get(past.key) ?? {};
        floors.set(past.key, floor);
        raise(history, floor, past);
        raiseShard(history, shardFloors, past);
      },
      judge: (reading) => {
        const shard = history.shardOf(reading.key);
        const floor = floors.get(reading.key);
        const passed = shard === undefined ? undefined : shardFloors.get(shard);
        if (!floor && !(passed && reading.operation.position)) return;
        findings.checked += 1;
        const missed = (floor && missedOf(history, reading, floor)) ?? missedInShard(reading, passed);
        if (!missed) return;
        const { key, operation } = reading;
        const before = missed.absentAt
          ? `nothing at ${formatPosition(missed.absentAt)}`
          : described(missed.operation);
        const message = `${readText(reading)}, after ${before} in session ${operation.session}`;
        const operations = [missed.operation, operation];
        const node = operation.node;
        findings.add({ message, key, shard, node, operations, lines: linesOf(...operations, missed.write) });
      },
    });
  }
  return findings.result();
}

function readText({ operation, version, value }: Reading): string {
  const where = operation.position ? `, on a replica at ${formatPosition(operation.position)}` : '';
  const what = described({ ...operation, kind: 'get', answer: value, version });
  return `${what}${where}`;
}

function missedOf(history: History, reading: Reading, floor: Floor): Mark | undefined {
  const key = history.keys.get(reading.key);
  if (!key) return undefined;
  for (const mark of [floor.byVersion, floor.byTime]) {
    if (mark && fallsShort(history, key, reading, mark)) return mark;
  }
  const absentAt = floor.absent?.absentAt;
  const isBack = absentAt && reading.value !== null && reading.version;
  return isBack && comparePositions(isBack, absentAt) <= 0 ? floor.absent : undefined;
}

/**
 * The replica must hold what the session knows of the shard, though the keys differ. A listing has no one
 * position.
 */
function missedInShard({ operation }: Reading, past: Past | undefined): Mark | undefined {
  const { kind, position } = operation;
  if (kind !== 'get' || !position || !past?.version) return undefined;
  return comparePositions(position, past.version) < 0 ? past : undefined;
}

function raiseShard({ shardOf }: History, floors: Map<number, Past>, past: Past): void {
  const shard = shardOf(past.key);
  if (shard === undefined || !past.version) return;
  const known = floors.get(shard)?.version;
  if (!known || comparePositions(known, past.version) < 0) floors.set(shard, past);
}

type Ordered = Span & { key: string; version: Position; operation: Operation };

function writesWithVersion({ operations }: Session): Ordered[] {
  return operations.flatMap((operation) => {
    const { key, version, invokedAt, endedAt, outcome } = operation;
    if (!isWrite(operation) || outcome === 'fail' || !version) return [];
    return [{ key, version, invokedAt, endedAt, operation }];
  });
}

function checkWrites(
  history: History,
  checker: CheckerName,
  whose: string,
  pastOf: (session: Session) => Ordered[],
): CheckResult {
  const findings = new Findings(checker);
  const placeOf = (key: string) => history.shardOf(key) ?? key;
  for (const session of sessionsOf(history)) {
    const floors = new Map<string | number, Ordered>();
    inRealTime(pastOf(session), writesWithVersion(session), {
      learn: (past) => {
        const floor = floors.get(placeOf(past.key));
        if (!floor || comparePositions(floor.version, past.version) < 0) floors.set(placeOf(past.key), past);
      },
      judge: ({ key, version, operation }) => {
        const floor = floors.get(placeOf(key));
        if (!floor) return;
        findings.checked += 1;
        if (comparePositions(floor.version, version) < 0) return;
        const before = `${whose} earlier ${described(floor.operation)}`;
        const message = `${described(operation)} is ordered before ${before} of session ${operation.session}`;
        const operations = [floor.operation, operation];
        findings.add({
          message,
          key,
          shard: history.shardOf(key),
          operations,
          lines: linesOf(...operations),
        });
      },
    });
  }
  return findings.result();
}
