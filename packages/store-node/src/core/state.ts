/**
 * The state of a shard replica that one transaction moves together with its entries: where it stands in the
 * history, the root it has there, and how far it has followed the stream.
 */
import { type Digest, isZeroDigest, type Position, zeroDigest } from '@driftless/contracts';

/** Nodes that hold a shard from `seq` on, until the next set. */
export interface ReplicaSet {
  seq: number;
  members: readonly string[];
}

/** What is known of rows that were removed for good. */
export interface Collected {
  /** Last record that removed any, or 0; after a cut it may have been an earlier one. */
  seq: number;
  /**
   * Newest epoch that such a row was written in. Whether a key without a row was written in this epoch or an
   * older one, nobody can tell any more.
   */
  epoch: number;
}

export interface ShardState {
  /** Last operation applied: epoch and seq. */
  applied: Position;
  /** XOR of the digests of all entries. */
  root: Digest;
  /** `root ^ root stamped by the leader` at `applied`; zero when equal. */
  drift: Digest;
  /** A row was found whose bytes don't have their digest, and the replica was not proven sound since. */
  suspect: boolean;
  /** A cut put rows back that are newer than its end: until this seq is applied, drift is expected. */
  settleSeq: number;
  /** Seq up to which the stream has confirmed the log; what lies past it is a leader's outbox. */
  confirmedSeq: number;
  /** JetStream sequence applied up to (0: none), in the stream created at `streamCreatedAt`. */
  streamSeq: number;
  streamCreatedAt: string;
  collected: Collected;
  /** The replica set in force at `applied`; without members while the log has named none. */
  set: ReplicaSet;
}

export const unknownSet: ReplicaSet = { seq: 0, members: [] };

export function emptyState(): ShardState {
  return {
    applied: { epoch: 0, seq: 0 },
    root: zeroDigest(),
    drift: zeroDigest(),
    suspect: false,
    settleSeq: 0,
    confirmedSeq: 0,
    streamSeq: 0,
    streamCreatedAt: '',
    collected: { seq: 0, epoch: 0 },
    set: unknownSet,
  };
}

/** Rows that a cut put back are newer than the position: not equal yet, but for a known reason. */
export function isSettling(state: ShardState): boolean {
  return state.applied.seq < state.settleSeq;
}

/** A digest check failed, and the replica was not proven equal since. */
export function isDrifted(state: ShardState): boolean {
  return state.suspect || (!isZeroDigest(state.drift) && !isSettling(state));
}
