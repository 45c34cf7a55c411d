/**
 * Where a key lives. One 32-bit hash of the key's UTF-8 bytes gives both its shard (low bits, by remainder)
 * and its Merkle bucket within the shard (high 12 bits), so that the two don't follow each other.
 *
 * The hash is MurmurHash3 x86_32 with seed 0 (Austin Appleby, public domain); its published test vectors
 * stand in the test beside this file.
 */
import { Buffer } from 'node:buffer';
import { keyBytesMax } from './limits.ts';
import { utf8BytesAtMost, writeUtf8 } from './utf8.ts';

/** Leaves of a shard's Merkle tree. */
export const bucketCount = 4096;
const bucketShift = 20;

/** The bytes of what is hashed, unless it is too long to be a key. */
const keyForm = Buffer.allocUnsafe(keyBytesMax * utf8BytesAtMost);

export function keyHash(key: string): number {
  const bytesMax = key.length * utf8BytesAtMost;
  const bytes = bytesMax <= keyForm.length ? keyForm : Buffer.allocUnsafe(bytesMax);
  return murmur3(bytes, writeUtf8(bytes, key, 0));
}

/** The shard of a key: 0 … shardCount − 1. */
export function shardOf(key: string, shardCount: number): number {
  return keyHash(key) % shardCount;
}

/** The Merkle leaf of a key: 0 … 4095. */
export function bucketOf(key: string): number {
  return keyHash(key) >>> bucketShift;
}

/** Keys that begin so are the store's own: no client writes, reads, lists or watches them. */
export const reservedPrefix = '$driftless/';

export function isReserved(key: string): boolean {
  return key.startsWith(reservedPrefix);
}

/** The key of a shard that canaries are written to: the first of a row that lives there. */
export function canaryKey(shard: number, shardCount: number): string {
  for (let n = 0; ; n += 1) {
    const key = `${reservedPrefix}canary/${shard}/${n}`;
    if (shardOf(key, shardCount) === shard) return key;
  }
}

/**
 * Why a text can't be a key, or `undefined` when it can: 1–512 bytes of well-formed UTF-8, and not one of the
 * store's own.
 */
export function keyProblem(key: string): string | undefined {
  if (key.length === 0) return 'A key has at least 1 byte.';
  if (!key.isWellFormed()) return 'A key is well-formed UTF-8; this one holds a lone surrogate.';
  const bytes = Buffer.byteLength(key, 'utf8');
  if (bytes > keyBytesMax) return `A key has at most ${keyBytesMax} bytes of UTF-8; this one has ${bytes}.`;
  if (isReserved(key)) return `Keys that begin with ${reservedPrefix} are the store's own.`;
  return undefined;
}

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

/** MurmurHash3 x86_32, seed 0, over the first `length` of `bytes`; an unsigned 32-bit integer. */
export function murmur3(bytes: Uint8Array, length = bytes.length): number {
  const blocks = length & ~3;
  let hash = 0;
  for (let i = 0; i < blocks; i += 4) {
    const word = at(bytes, i) | (at(bytes, i + 1) << 8) | (at(bytes, i + 2) << 16) | (at(bytes, i + 3) << 24);
    hash ^= scramble(word);
    hash = (Math.imul(rotate(hash, 13), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = length - 1; i >= blocks; i -= 1) tail = (tail << 8) | at(bytes, i);
  if (length > blocks) hash ^= scramble(tail);
  hash ^= length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(word: number): number {
  return Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
}

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}
