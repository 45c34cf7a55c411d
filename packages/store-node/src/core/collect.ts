/**
 * Which rows go for good (SPEC.md, T1–T5). A deleted key leaves a tombstone, and an expired value its row,
 * for a replica that still has an older value must find something newer. They go when every member of the
 * shard has been proven equal past them: then none has an older value that could come back. The leader logs
 * what goes, so all replicas remove the same rows at the same position, and their roots stay equal. No clock
 * decides about a tombstone; about an expired value only when it has expired.
 */
import { Buffer } from 'node:buffer';
import type { CollectedEntry, EpochStart, Position } from '@driftless/contracts';
import { isBrokenBy } from './mutants.ts';
import { placeOf } from './session.ts';
import { isDrifted, type ShardState } from './state.ts';

/** All of `members` were proven equal at `position`. */
export interface Verified {
  position: Position;
  members: readonly string[];
}

/** What a store looks for: tombstones and expired values, up to a seq. */
export interface CollectQuery {
  throughSeq: number;
  /** Values that expired at this time or before, milliseconds since the Unix epoch. */
  expiredBy: number;
  limit: number;
}

/** A row that no reader can see any more. */
export interface CollectableRow {
  key: string;
  version: Position;
  tombstone: boolean;
  /** Of its value. */
  bytes: number;
}

export interface CollectLimits {
  /** Rows that one record removes. */
  collectKeysMax: number;
  /** Bytes of values that one record removes. */
  collectBytesMax: number;
  /** How long an expired value is kept, for clocks differ; milliseconds. */
  expiredKeptMs: number;
  eventBytesMax: number;
}

export interface CollectInput {
  verified: Verified | undefined;
  /** The replica set in force. */
  members: readonly string[];
  state: ShardState;
  epochs: () => readonly EpochStart[];
  /** Wall clock, milliseconds since the Unix epoch. */
  now: number;
}

/** What may go now; undefined: nothing. */
export function collectQuery(input: CollectInput, limits: CollectLimits): CollectQuery | undefined {
  const throughSeq = verifiedSeq(input);
  if (throughSeq === 0 || isDrifted(input.state)) return undefined;
  return { throughSeq, expiredBy: input.now - limits.expiredKeptMs, limit: limits.collectKeysMax };
}

/** Up to here every member of the set has had all rows of this history; 0 while that is not known. */
function verifiedSeq({ verified, members, state, epochs }: CollectInput): number {
  if (isBrokenBy('collect-unseen-tombstone')) return state.confirmedSeq;
  if (!verified || !members.every((member) => verified.members.includes(member))) return 0;
  const place = placeOf(verified.position, state.applied, epochs);
  return place.kind === 'applied' ? Math.min(verified.position.seq, state.confirmedSeq) : 0;
}

/** Room for the header of an event that has no other operation. */
const headerBytes = 1024;

/** The first of the rows, as many as one record may remove. */
export function collectedOf(
  rows: readonly CollectableRow[],
  { collectKeysMax, collectBytesMax, eventBytesMax }: CollectLimits,
): CollectedEntry[] {
  const entries: CollectedEntry[] = [];
  let [eventBytes, valueBytes] = [headerBytes, 0];
  for (const {
    key,
    version: { epoch, seq },
    bytes,
  } of rows.slice(0, collectKeysMax)) {
    const entry: CollectedEntry = { key, version: { epoch, seq } };
    eventBytes += Buffer.byteLength(JSON.stringify(entry)) + 1;
    valueBytes += bytes;
    const isFull = eventBytes > eventBytesMax || valueBytes > collectBytesMax;
    // One row may be larger than the bound.
    if (isFull && entries.length > 0) break;
    entries.push(entry);
  }
  return entries;
}
