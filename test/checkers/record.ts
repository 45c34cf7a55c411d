/**
 * Turns what the harness keeps (its load's entries, the nodes' dumps) into a history for the checkers, and
 * that into a file that `driftless verify-history` takes. The harness knows no versions of its own writes;
 * what the checkers then compare is real time and the versions of the dumps.
 */
import { Buffer } from 'node:buffer';
import { writeFileSync } from 'node:fs';
import {
  type CheckOptions,
  checkHistory,
  encodeEvent,
  HistoryAssembler,
  type HistoryEvent,
  type HistoryEventOf,
  historyFormat,
} from '@driftless/checkers';
import type { AckLevel } from '@driftless/contracts';
import type { Dump, HistoryEntry } from '../harness/index.ts';

export interface Recording {
  entries: readonly HistoryEntry[];
  /** Of every node and shard, taken after convergence. */
  dumps: readonly Dump[];
  shardCount: number;
  /** Ack level of the load. */
  ack: AckLevel;
  /** Monotonic, milliseconds: when the dumps were taken. By default the end of the last operation. */
  dumpedAt?: number | undefined;
  /** What was broken, when, and what it took for good. */
  faults?: readonly Pick<HistoryEventOf<'fault'>, 'at' | 'phase' | 'fault' | 'takes'>[] | undefined;
}

/** The events of a recording, in order. */
export function eventsOf({
  entries,
  dumps,
  shardCount,
  ack,
  dumpedAt,
  faults = [],
}: Recording): HistoryEvent[] {
  const timed = [
    ...faults.map((fault) => ({ rank: 1, event: { type: 'fault' as const, ...fault } })),
    ...entries.flatMap((entry, id) => {
      const { invoke, end } = operationOf(entry, id, ack);
      return [
        { rank: 0, event: invoke },
        { rank: 2, event: end },
      ];
    }),
  ];
  // At the same time a beginning stands before an end: such operations overlap.
  timed.sort((a, b) => a.event.at - b.event.at || a.rank - b.rank);
  const at = dumpedAt ?? Math.max(0, ...timed.map(({ event }) => event.at));
  return [
    { type: 'history', format: historyFormat, shards: shardCount },
    ...timed.map(({ event }) => event),
    ...dumps.flatMap((dump) => dumpEvents(dump, at)),
  ];
}

function operationOf(
  { key, number, invokedAt, endedAt, outcome, status }: HistoryEntry,
  id: number,
  ack: AckLevel,
) {
  const invoke = { type: 'invoke' as const, id, at: invokedAt, process: 'load', ack, key };
  const end =
    outcome === 'ok'
      ? { type: outcome, id, at: endedAt }
      : { type: outcome, id, at: endedAt, ...(status > 0 && { status }) };
  return { invoke: { ...invoke, operation: 'put' as const, value: bodyOf(number) }, end };
}

/** The body that the load puts. */
function bodyOf(number: number): string {
  return JSON.stringify({ number });
}

function dumpEvents({ head, rows }: Dump, at: number): HistoryEvent[] {
  const { node, shard, position, root } = head;
  const dump = `${node}/${shard}`;
  return [
    { type: 'dump', id: dump, at, node, shard, final: true, position, root, rows: rows.size },
    ...[...rows.values()].map(({ key, version, tombstone, value }): HistoryEvent => {
      const text = tombstone ? null : Buffer.from(value, 'base64').toString();
      return { type: 'row', dump, key, version, value: text };
    }),
  ];
}

/** Everything that is wrong, as sentences with their checker: empty when nothing is. */
export function violationsOf(recording: Recording, options?: CheckOptions): string[] {
  const assembler = new HistoryAssembler();
  for (const event of eventsOf(recording)) assembler.event(event);
  return checkHistory(assembler.build(), options).flatMap(({ checker, violations, doubts }) => [
    ...violations.map(({ key, message }) => `${checker}: ${key === undefined ? '' : `${key}: `}${message}`),
    ...doubts.map((doubt) => `${checker} is unknown: ${doubt}`),
  ]);
}

/** Keeps a recording, for `driftless verify-history` and for whoever looks into a failure. */
export function writeRecording(path: string, recording: Recording): void {
  writeFileSync(path, eventsOf(recording).map(encodeEvent).join(''));
}
