/**
 * One thing made wrong in a correct history, and which checker must name it. A mutation looks for a place
 * where the history really becomes wrong, beyond any explanation by what overlapped or was lost; without
 * one it gives nothing.
 */
import { comparePositions, type Position } from '@driftless/contracts';
import type { HistoryEvent, HistoryEventOf } from '../core/event.ts';
import type { CheckerName } from '../core/findings.ts';
import type { History, KeyHistory, Operation, Reading } from '../core/history.ts';
import { newestFinal } from '../core/lost-writes.ts';
import { endedBefore } from '../core/real-time.ts';
import { assembled } from './script.ts';

export interface Mutation {
  what: string;
  names: CheckerName;
  /** Candidates are drawn with `pick`, which gives one of a list, or undefined of an empty one. */
  mutate(input: Input): HistoryEvent[] | undefined;
}
type Pick = <T>(of: readonly T[]) => T | undefined;
interface Input {
  events: readonly HistoryEvent[];
  history: History;
  pick: Pick;
}

export function mutated(mutation: Mutation, events: readonly HistoryEvent[], choice: number) {
  const pick: Pick = (of) => of[choice % Math.max(1, of.length)];
  return mutation.mutate({ events, history: assembled(events), pick });
}

/** The events with those at the given lines replaced. */
function replaced(events: readonly HistoryEvent[], changes: ReadonlyMap<number, object>): HistoryEvent[] {
  return events.map((event, i) => ({ ...event, ...changes.get(i + 1) }) as HistoryEvent);
}

function changedAt(
  events: readonly HistoryEvent[],
  line: number | undefined,
  change: object,
): HistoryEvent[] {
  return replaced(events, new Map([[line ?? 0, change]]));
}

const endLine = ({ lines }: Operation) => lines[1];
const before = (a: Position, b: Position) => comparePositions(a, b) < 0;
const registers = ({ keys }: History) => [...keys.values()].filter(({ counter }) => !counter);

/** What all replicas hold of a key in the end becomes something older. */
function finalRow(
  events: readonly HistoryEvent[],
  key: KeyHistory,
  { value, version }: Operation,
): HistoryEvent[] {
  const rows = key.final.flatMap(({ row }) => (row ? [row.line] : []));
  return replaced(events, new Map(rows.map((line) => [line, { value, version }])));
}

/** Keys with their newest row, the write that made it, and a put before that. */
function heldWrites({ history }: Input, kind: 'put' | 'delete') {
  return registers(history).flatMap((key) => {
    const row = newestFinal(key)?.row;
    const same = (write: Operation) =>
      row && write.version && comparePositions(write.version, row.version) === 0;
    const last = key.writes.find((write) => write.kind === kind && history.isDurable(write) && same(write));
    const older = key.writes.filter(
      (write) =>
        write.kind === 'put' &&
        write.outcome === 'ok' &&
        last?.version &&
        write.version &&
        before(write.version, last.version),
    );
    return last && older.length > 0 ? [{ key, last, older }] : [];
  });
}

function staleSessionReads({ history }: Input, earlier: (reading: Reading) => Position[]) {
  return history.readings.flatMap((reading) => {
    const { operation } = reading;
    const key = history.keys.get(reading.key);
    if (operation.consistency !== 'session' || !key || key.counter) return [];
    const floor = earlier(reading);
    const older = key.writes.filter(
      ({ kind, outcome, version }) =>
        kind === 'put' && outcome === 'ok' && version && floor.some((known) => before(version, known)),
    );
    return older.length > 0 ? [{ operation, older }] : [];
  });
}

function staleRead({ events, pick }: Input, found: { operation: Operation; older: Operation[] }[]) {
  const chosen = pick(found);
  const old = pick(chosen?.older ?? []);
  if (!chosen || !old) return undefined;
  return changedAt(events, endLine(chosen.operation), { value: old.value, version: old.version });
}

const ofSession = (reading: Reading, { session, key }: Operation) =>
  session === reading.operation.session && key === reading.key;

export const mutations: Mutation[] = [
  {
    what: 'an acknowledged write is dropped',
    names: 'lost-writes',
    mutate(input) {
      const found = input.pick(heldWrites(input, 'put'));
      const old = input.pick(found?.older ?? []);
      return found && old && finalRow(input.events, found.key, old);
    },
  },
  {
    what: 'a deleted key is back',
    names: 'resurrections',
    mutate(input) {
      const found = input.pick(heldWrites(input, 'delete'));
      const old = input.pick(found?.older ?? []);
      return found && old && finalRow(input.events, found.key, old);
    },
  },
  {
    what: 'a read gives what nobody wrote',
    names: 'phantoms',
    mutate({ events, history, pick }) {
      const reads = registers(history).flatMap(({ readings }) =>
        readings.filter(({ value }) => value !== null),
      );
      const found = pick(reads);
      return found && changedAt(events, endLine(found.operation), { value: 'never' });
    },
  },
  {
    what: 'a read gives a refused value',
    names: 'phantoms',
    mutate({ events, history, pick }) {
      const found = pick(
        registers(history).flatMap(({ readings, writes }) => {
          const refused = writes.find(({ kind, outcome }) => kind === 'put' && outcome === 'fail');
          return refused ? readings.map((reading) => ({ reading, refused })) : [];
        }),
      );
      if (!found) return undefined;
      return changedAt(events, endLine(found.reading.operation), { value: found.refused.value });
    },
  },
  {
    what: 'an increment is lost',
    names: 'counters',
    mutate({ events, history, pick }) {
      const counters = [...history.keys.values()].filter((key) => key.counter && newestFinal(key)?.row);
      const key = pick(counters.filter(({ writes }) => writes.some((write) => history.isDurable(write))));
      if (!key) return undefined;
      const durable = key.writes.filter((write) => history.isDurable(write));
      const value = String(durable.reduce((sum, { by }) => sum + by, 0) - (pick(durable)?.by ?? 0));
      const rows = key.final.flatMap(({ row }) => (row ? [row.line] : []));
      return replaced(events, new Map(rows.map((line) => [line, { value }])));
    },
  },
  {
    what: 'a strong read gives what was overwritten before it began',
    names: 'linearizability',
    mutate({ events, history, pick }) {
      const found = history.readings.flatMap((reading) => {
        const key = history.keys.get(reading.key);
        if (reading.operation.consistency !== 'strong' || !key || key.counter) return [];
        const puts = key.writes.filter((write) => write.kind === 'put' && history.isDurable(write));
        const newer = puts.filter((write) => endedBefore(write, reading));
        const older = puts.filter((write) => newer.some((next) => endedBefore(write, next)));
        return older.length > 0 ? [{ operation: reading.operation, older }] : [];
      });
      return staleRead({ events, history, pick }, found);
    },
  },
  {
    what: 'a session read misses a write of the session',
    names: 'read-your-writes',
    mutate: (input) =>
      staleRead(
        input,
        staleSessionReads(input, (reading) => {
          const writes = input.history.keys.get(reading.key)?.writes ?? [];
          const own = writes.filter((write) => write.outcome === 'ok' && ofSession(reading, write));
          return own.flatMap((write) => (endedBefore(write, reading) ? (write.version ?? []) : []));
        }),
      ),
  },
  {
    what: 'a session read gives less than one before',
    names: 'monotonic-reads',
    mutate: (input) =>
      staleRead(
        input,
        staleSessionReads(input, (reading) => {
          const readings = input.history.keys.get(reading.key)?.readings ?? [];
          const own = readings.filter(({ operation }) => ofSession(reading, operation));
          return own.flatMap((earlier) => (endedBefore(earlier, reading) ? (earlier.version ?? []) : []));
        }),
      ),
  },
  {
    what: 'two writes of a session swap their versions',
    names: 'monotonic-writes',
    mutate({ events, history, pick }) {
      const pairs = [...history.sessions.values()].flatMap((operations) => {
        const writes = operations.filter(
          ({ kind, outcome, version }) => kind !== 'get' && outcome === 'ok' && version,
        );
        return writes.slice(1).map((second, i) => ({ first: writes[i] as Operation, second }));
      });
      const found = pick(pairs);
      if (!found) return undefined;
      const { first, second } = found;
      const lines = [endLine(first) ?? 0, endLine(second) ?? 0] as const;
      return replaced(
        events,
        new Map([
          [lines[0], { version: second.version }],
          [lines[1], { version: first.version }],
        ]),
      );
    },
  },
  {
    what: 'a write is ordered at what its session had read',
    names: 'writes-follow-reads',
    mutate({ events, history, pick }) {
      const pairs = [...history.sessions.values()].flatMap((operations) => {
        const reads = operations.filter(({ kind, version }) => kind === 'get' && version);
        const writes = operations.filter(
          ({ kind, outcome, version }) => kind !== 'get' && outcome === 'ok' && version,
        );
        return writes.flatMap((write) => {
          const read = reads.find((earlier) => endedBefore(earlier, write));
          return read ? [{ read, write }] : [];
        });
      });
      const found = pick(pairs);
      return found && changedAt(events, endLine(found.write), { version: found.read.version });
    },
  },
  {
    what: 'a replica claims a position past a write that it does not show',
    names: 'positions',
    mutate({ events, history, pick }) {
      const found = registers(history).flatMap(({ readings, writes }) =>
        readings.flatMap(({ operation, version }) => {
          const missed = writes.filter(
            (write) =>
              write.kind === 'put' &&
              history.isDurable(write) &&
              write.version &&
              version &&
              before(version, write.version),
          );
          return missed.map((write) => ({ operation, write }));
        }),
      );
      const chosen = pick(found);
      return chosen && changedAt(events, endLine(chosen.operation), { position: chosen.write.version });
    },
  },
  {
    what: 'a node swaps two versions of a key',
    names: 'node-versions',
    mutate({ events, history, pick }) {
      const pairs = [...history.keys.values()].flatMap(({ observed, shard }) => {
        const agreed = observed.filter(
          ({ value, version }) => value !== null && !history.isOrphan(shard, version),
        );
        return agreed.flatMap((first) =>
          agreed.flatMap((second) =>
            first.node === second.node && first.line < second.line && before(first.version, second.version)
              ? [{ first, second }]
              : [],
          ),
        );
      });
      const found = pick(pairs);
      if (!found) return undefined;
      const stateOf = ({ version, value }: HistoryEventOf<'observed'>) => ({ version, value });
      const { first, second } = found;
      return replaced(
        events,
        new Map([
          [first.line, stateOf(second)],
          [second.line, stateOf(first)],
        ]),
      );
    },
  },
  {
    what: 'another node serves a write of the epoch',
    names: 'single-writer',
    mutate({ events, history, pick }) {
      const found = pick(
        history.operations.filter(
          ({ kind, outcome, version }) => kind !== 'get' && outcome === 'ok' && version,
        ),
      );
      return found && changedAt(events, endLine(found), { node: 'node-9' });
    },
  },
  {
    what: 'a log has a gap',
    names: 'single-writer',
    mutate({ events, history: { logs }, pick }) {
      const inner = logs.filter(({ node }, i) => logs[i - 1]?.node === node && logs[i + 1]?.node === node);
      const found = pick(inner);
      return found && events.filter((_, i) => i + 1 !== found.line);
    },
  },
  {
    what: 'a put shows at a second version',
    names: 'single-writer',
    mutate({ events, history, pick }) {
      const reads = registers(history).flatMap(({ readings }) => readings);
      const found = pick(reads.filter(({ write, version }) => write && version && history.isDurable(write)));
      const version = found?.version && { ...found.version, seq: found.version.seq + 1000 };
      return found && changedAt(events, endLine(found.operation), { version });
    },
  },
  {
    what: 'one replica differs in the end',
    names: 'convergence',
    mutate({ events, history: { dumps }, pick }) {
      const row = pick(dumps.flatMap(({ contents }) => [...contents.values()]));
      return row && changedAt(events, row.line, { version: { ...row.version, seq: row.version.seq + 1 } });
    },
  },
];
