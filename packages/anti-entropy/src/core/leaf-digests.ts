/**
 * The leaves of a shard's Merkle tree: one digest a bucket, the XOR of the digests of the entries whose keys
 * fall into it (`bucketOf`). They are one flat block of 64 KiB, so that a capture of a live shard is one copy
 * and a write costs one XOR of 16 bytes.
 *
 *     bucket      0        1        2              4095
 *             ┌────────┬────────┬────────┬─ ── ─┬────────┐
 *     bytes   │ 0 … 15 │16 … 31 │32 … 47 │      │ … 65535│
 *             └────────┴────────┴────────┴─ ── ─┴────────┘
 *
 * Because leaves are XORs, the XOR of all leaves is the XOR of all entries: the shard's root, which every
 * event carries. A tree whose leaves don't give that root is not the tree of that shard.
 */
import { bucketCount, type Digest, digestBytes } from '@driftless/contracts';

/** Size of all leaves together, in bytes. */
export const leavesBytes = bucketCount * digestBytes;

export class LeafDigests {
  readonly #bytes: Uint8Array;
  /** The same memory by 32-bit words, for the XOR over all leaves. */
  readonly #words: Uint32Array;

  /** All leaves zero: the leaves of an empty shard. */
  constructor() {
    this.#bytes = new Uint8Array(leavesBytes);
    this.#words = new Uint32Array(this.#bytes.buffer);
  }

  /** Takes a copy of what `bytes()` gave. Throws `RangeError` unless there are exactly `leavesBytes`. */
  static fromBytes(bytes: Uint8Array): LeafDigests {
    if (bytes.length !== leavesBytes) {
      throw new RangeError(`The leaves of a shard are ${leavesBytes} bytes; these are ${bytes.length}.`);
    }
    const leaves = new LeafDigests();
    leaves.#bytes.set(bytes);
    return leaves;
  }

  /** A copy of a bucket's digest; later changes of the leaf don't show in it. */
  get(bucket: number): Digest {
    const offset = offsetOf(bucket);
    return this.#bytes.slice(offset, offset + digestBytes);
  }

  /** The bytes of so many leaves from `bucket` on, as they stand: not a copy, and not to be changed. */
  view(bucket: number, count: number): Uint8Array {
    const offset = offsetOf(bucket);
    return this.#bytes.subarray(offset, offset + count * digestBytes);
  }

  set(bucket: number, digest: Digest): void {
    const offset = offsetOf(bucket);
    checkDigest(digest);
    this.#bytes.set(digest, offset);
  }

  /** Adds an entry to the bucket or takes it out again; for a change of an entry give `old ^ new`. */
  xor(bucket: number, digest: Digest): void {
    checkDigest(digest);
    this.xorFrom(bucket, digest, 0);
  }

  /** The same with the 16 bytes that begin at `at`. */
  xorFrom(bucket: number, bytes: Uint8Array, at: number): void {
    const offset = offsetOf(bucket);
    const own = this.#bytes;
    for (let i = 0; i < digestBytes; i += 1) {
      own[offset + i] = (own[offset + i] as number) ^ (bytes[at + i] as number);
    }
  }

  /** XOR of all leaves, which is the XOR of all entries: the shard's root. */
  root(): Digest {
    const root = new Uint32Array(digestBytes / 4);
    for (let i = 0; i < this.#words.length; i += 1) {
      root[i & 3] = (root[i & 3] as number) ^ (this.#words[i] as number);
    }
    return new Uint8Array(root.buffer);
  }

  clone(): LeafDigests {
    return LeafDigests.fromBytes(this.#bytes);
  }

  /** A copy of all leaves, bucket after bucket. */
  bytes(): Uint8Array {
    return this.#bytes.slice();
  }
}

function offsetOf(bucket: number): number {
  if (!Number.isInteger(bucket) || bucket < 0 || bucket >= bucketCount) {
    throw new RangeError(`A bucket is 0 … ${bucketCount - 1}; this is ${bucket}.`);
  }
  return bucket * digestBytes;
}

function checkDigest(digest: Digest): void {
  if (digest.length !== digestBytes) {
    throw new RangeError(`A digest has ${digestBytes} bytes; this one has ${digest.length}.`);
  }
}
