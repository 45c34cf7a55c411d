/**
 * What an exchange asks of the two replicas that it compares (SPEC.md). The peer is behind a network, ours is
 * in the same process; both answer the same questions, so tests compare two replicas in memory and the
 * simulation two nodes under faults.
 *
 * A question that gets no answer rejects; the comparison is then "not comparable".
 */
import type { Digest, Position, RowHead } from '@driftless/contracts';
import type { LeafDigests } from './leaf-digests.ts';

export interface Capture {
  id: string;
  position: Position;
  /** XOR of the captured leaves. */
  root: Digest;
  /** Merkle root of the captured leaves. */
  tree: Digest;
  /** `root ^ root stamped by the leader`: zero when the tree is what it must be. */
  drift: Digest;
}

/**
 * Why there is no capture, and where the replica stands. `unavailable`: it is halted, takes a copy, or has
 * rows that are newer than itself, because it cut its log (it settles).
 */
export interface Missed {
  reason: 'passed' | 'not-reached' | 'unavailable';
  position: Position;
}

export interface BucketRows {
  bucket: number;
  /** Packed (pair-rows.ts): the hash of each row's key, and its digest. */
  rows: Uint8Array;
  /** All rows together have the leaf; in an audit, each row's bytes also the digest kept beside them. */
  sound: boolean;
}

export interface Listing {
  /** Without the rows written after it. */
  throughSeq: number;
  /**
   * Digests are recomputed from the rows' bytes. Else those kept beside the rows will do, as long as they
   * have the leaf and the replica knows nothing against the bucket; where not, it audits it all the same.
   */
  audit: boolean;
}

export interface Wanted {
  bucket: number;
  hashes: string[];
}

export interface Heads {
  /** Where the replica stood when it looked. */
  position: Position;
  /** Newest operation that took rows away: what is gone may be gone by that. */
  collectedSeq: number;
  rows: RowHead[];
}

export interface Replica {
  /** At its first commit at or past `atSeq`; it may wait that long for it, milliseconds. */
  capture(atSeq: number, waitMs: number): Promise<Capture | Missed>;
  /**
   * Rows as they are now. A row of a seq that the replica has not reached was not written by anything that it
   * applied: it is listed, whatever `throughSeq` is.
   */
  buckets(buckets: readonly number[], listing: Listing): Promise<BucketRows[]>;
  /**
   * All rows with these hashes, as they are now, whenever they were written; their digests are recomputed.
   * One that has rotted is known to the replica from then on, and its bucket is audited.
   */
  heads(wanted: readonly Wanted[]): Promise<Heads>;
}

export interface Peer extends Replica {
  /** Nodes of a captured tree, in the order of `indexes`. */
  nodes(capture: string, level: number, indexes: readonly number[]): Promise<readonly Digest[]>;
  /** Bytes that it has sent so far. */
  readonly bytesReceived: number;
}

/** One change of our replica. It is made only if the row is still the one that was looked at. */
export interface Repair {
  bucket: number;
  key: string;
  /** Digest of the bytes of our row, as it was listed; absent when we had none. */
  ours?: Digest;
  /** The peer's row, which takes its place; absent: the row is removed. */
  theirs?: Pick<RowHead, 'version' | 'digest' | 'bytes'>;
  reason: string;
}

export interface Repaired {
  /** Repairs done; the others found another row than the one listed. */
  healed: number;
  /** Bytes of values that were fetched for it. */
  bytesShipped: number;
}

export interface OurReplica extends Replica {
  /** Where it stands. */
  position(): Position;
  /** The leaves of a capture of ours; undefined when it is not kept any more. */
  leaves(capture: string): LeafDigests | undefined;
  /** Epochs and where each began, as our log has them: a version past the end of its epoch is an orphan. */
  epochs(): readonly { epoch: number; firstSeq: number }[];
  /**
   * Sets the overwritten rows aside, makes the leaves of `buckets` those of their rows (by the digests kept
   * beside them), and moves root and drift along: a bucket in one transaction. Idempotent. A repair is left
   * out when our row is not the one listed, when the peer's could not be had with the digest listed, or when
   * its version is ahead of the replica or an orphan by then (`isAhead`, `isOrphan`): a cut may have come in
   * between.
   */
  repair(buckets: readonly number[], repairs: readonly Repair[]): Promise<Repaired>;
  /** A key was healed so often lately that something is wrong with it: leave it to a person. */
  isStopped(key: string): boolean;
}
