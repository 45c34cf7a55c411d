/**
 * By how much a change moves the Merkle leaves, leaf ^= value, and with them the root. Every write makes one,
 * on every replica; so it is one flat block, in the form in which the log keeps it:
 *
 *     bucket (2 bytes, big endian), XOR (16 bytes); again for each touched leaf
 */
import type { LeafDigests } from '@driftless/anti-entropy';
import { type Digest, digestBytes, zeroDigest } from '@driftless/contracts';

const bucketBytes = 2;
const moveBytes = bucketBytes + digestBytes;
const movesAtFirst = 16;

export class LeafXors {
  /** Where the move of a bucket is. */
  readonly #offsets = new Map<number, number>();
  #block: Uint8Array;
  #end = 0;

  constructor(movesExpected = movesAtFirst) {
    this.#block = new Uint8Array(movesExpected * moveBytes);
  }

  static of(moves: Iterable<readonly [bucket: number, xor: Digest]>): LeafXors {
    const xors = new LeafXors();
    for (const [bucket, xor] of moves) xors.add(bucket, xor);
    return xors;
  }

  /** Throws `RangeError` when the bytes are no moves: the row of the log has rotted. */
  static fromBytes(bytes: Uint8Array): LeafXors {
    if (bytes.length % moveBytes !== 0) throw new RangeError(`${bytes.length} bytes are no moves of leaves.`);
    const xors = new LeafXors(bytes.length / moveBytes);
    for (let at = 0; at < bytes.length; at += moveBytes) {
      const bucket = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
      xors.add(bucket, bytes.subarray(at + bucketBytes, at + moveBytes));
    }
    return xors;
  }

  /** Leaves that are touched. */
  get size(): number {
    return this.#offsets.size;
  }

  /** Of one leaf; undefined where it isn't touched. */
  get(bucket: number): Digest | undefined {
    const at = this.#offsets.get(bucket);
    return at === undefined ? undefined : this.#block.slice(at, at + digestBytes);
  }

  keys(): Iterable<number> {
    return this.#offsets.keys();
  }

  *[Symbol.iterator](): Generator<[bucket: number, xor: Digest]> {
    for (const [bucket, at] of this.#offsets) yield [bucket, this.#block.subarray(at, at + digestBytes)];
  }

  add(bucket: number, digest: Digest): void {
    const at = this.#offsets.get(bucket) ?? this.#place(bucket);
    const block = this.#block;
    for (let i = 0; i < digestBytes; i += 1) {
      block[at + i] = (block[at + i] as number) ^ (digest[i] as number);
    }
  }

  /** By how much the root moves: the XOR of all. */
  root(): Digest {
    const root = zeroDigest();
    const block = this.#block;
    for (let at = bucketBytes; at < this.#end; at += moveBytes) {
      for (let i = 0; i < digestBytes; i += 1) root[i] = (root[i] as number) ^ (block[at + i] as number);
    }
    return root;
  }

  move(leaves: LeafDigests): void {
    for (const [bucket, at] of this.#offsets) leaves.xorFrom(bucket, this.#block, at);
  }

  /** As the log keeps them. Not a copy. */
  bytes(): Uint8Array {
    return this.#block.subarray(0, this.#end);
  }

  #place(bucket: number): number {
    if (this.#end === this.#block.length) {
      const larger = new Uint8Array(Math.max(movesAtFirst * moveBytes, this.#end * 2));
      larger.set(this.#block);
      this.#block = larger;
    }
    const at = this.#end + bucketBytes;
    this.#block[this.#end] = bucket >>> 8;
    this.#block[this.#end + 1] = bucket & 0xff;
    this.#offsets.set(bucket, at);
    this.#end += moveBytes;
    return at;
  }
}
