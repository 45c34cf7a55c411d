/**
 * Setbacks of a node: it showed a state of a key, and later an older one. Evidence is what was observed of
 * it, the answers that it gave, and its final dump, in the order of the file's lines, which is the order in
 * which they were recorded; a read lasts from its first line to its last, and of two that overlap neither
 * is later.
 *
 * A node may go back from an orphan: a deposed leader cuts what it had committed alone (DESIGN §4). O(n log
 * n) a node and key. `node-versions` and `resurrections` share these, by what the node went back from.
 */
import { comparePositions, type Position } from '@driftless/contracts';
import type { History, KeyHistory, Operation } from './history.ts';
import { inRealTime, type Span } from './real-time.ts';

export interface Sighting extends Span {
  readonly node: string;
  readonly version: Position;
  /** Null: a tombstone. */
  readonly value: string | null;
  readonly where: Operation | { line: number };
}

export interface Setback {
  before: Sighting;
  after: Sighting;
}

/** The setbacks on one key; `judged` is told how many sightings had something before them. */
export function setbacksOf(history: History, key: KeyHistory, judged: (count: number) => void): Setback[] {
  const setbacks: Setback[] = [];
  for (const sightings of Map.groupBy(sightingsOf(key), ({ node }) => node).values()) {
    let newest: Sighting | undefined;
    inRealTime(sightings, sightings, {
      learn: (sighting) => {
        if (history.isOrphan(key.shard, sighting.version)) return;
        if (!newest || comparePositions(newest.version, sighting.version) < 0) newest = sighting;
      },
      judge: (after) => {
        if (!newest) return;
        judged(1);
        if (comparePositions(after.version, newest.version) < 0) setbacks.push({ before: newest, after });
      },
    });
  }
  return setbacks;
}

function sightingsOf({ observed, readings, final }: KeyHistory): Sighting[] {
  const sightings: Sighting[] = [];
  for (const seen of observed) {
    const { node, version, value, line } = seen;
    sightings.push({ node, version, value, where: seen, invokedAt: line, endedAt: line });
  }
  for (const { operation, version, value } of readings) {
    const { node, lines, kind } = operation;
    const [first = 0, last = first] = lines;
    if (kind !== 'get' || !node || !version || value === null) continue;
    sightings.push({ node, version, value, where: operation, invokedAt: first, endedAt: last });
  }
  for (const { dump, row } of final) {
    if (!row) continue;
    const { version, value } = row;
    sightings.push({ node: dump.node, version, value, where: row, invokedAt: dump.line, endedAt: row.line });
  }
  return sightings;
}
