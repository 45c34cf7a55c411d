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
  /** Numbers of moves, beginning at 1, by their buckets: a hash table with at least half of it free. */
  #places: Uint16Array;
  #block: Uint8Array;
  #end = 0;

  constructor(movesExpected = movesAtFirst) {
    this.#block = new Uint8Array(movesExpected * moveBytes);
    this.#places = placesFor(movesExpected);
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
    return this.#end / moveBytes;
  }

  /** Of one leaf; undefined where it isn't touched. */
  get(bucket: number): Digest | undefined {
    const move = this.#places[this.#placeOf(bucket)] as number;
    if (move === 0) return undefined;
    const at = move * moveBytes - digestBytes;
    return this.#block.slice(at, at + digestBytes);
  }

  *keys(): Generator<number> {
    for (let at = 0; at < this.#end; at += moveBytes) yield this.#bucketAt(at);
  }

  *[Symbol.iterator](): Generator<[bucket: number, xor: Digest]> {
    for (let at = 0; at < this.#end; at += moveBytes) {
      yield [this.#bucketAt(at), this.#block.subarray(at + bucketBytes, at + moveBytes)];
    }
  }

  add(bucket: number, digest: Digest): void {
    const place = this.#placeOf(bucket);
    const move = (this.#places[place] as number) || this.#append(bucket, place);
    const at = move * moveBytes - digestBytes;
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
    for (let at = 0; at < this.#end; at += moveBytes) {
      leaves.xorFrom(this.#bucketAt(at), this.#block, at + bucketBytes);
    }
  }

  /** As the log keeps them. Not a copy. */
  bytes(): Uint8Array {
    return this.#block.subarray(0, this.#end);
  }

  #bucketAt(at: number): number {
    return ((this.#block[at] as number) << 8) | (this.#block[at + 1] as number);
  }

  /** Where the bucket is in the table, or could be. */
  #placeOf(bucket: number): number {
    const mask = this.#places.length - 1;
    let place = bucket & mask;
    for (;;) {
      const move = this.#places[place] as number;
      if (move === 0 || this.#bucketAt((move - 1) * moveBytes) === bucket) return place;
      place = (place + 1) & mask;
    }
  }

  /** A move of nothing yet; its number. */
  #append(bucket: number, place: number): number {
    if (this.#end === this.#block.length) this.#grow();
    this.#block[this.#end] = bucket >>> 8;
    this.#block[this.#end + 1] = bucket & 0xff;
    this.#end += moveBytes;
    const move = this.size;
    if (move * 2 > this.#places.length) this.#placeAnew();
    else this.#places[place] = move;
    return move;
  }

  #grow(): void {
    const larger = new Uint8Array(Math.max(movesAtFirst * moveBytes, this.#end * 2));
    larger.set(this.#block);
    this.#block = larger;
  }

  #placeAnew(): void {
    this.#places = placesFor(this.size * 2);
    for (let move = 1; move <= this.size; move += 1) {
      this.#places[this.#placeOf(this.#bucketAt((move - 1) * moveBytes))] = move;
    }
  }
}

function placesFor(moves: number): Uint16Array {
  return new Uint16Array(2 ** Math.ceil(Math.log2(Math.max(1, moves) * 2)));
}
