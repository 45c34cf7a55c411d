/**
 * Digests. The digest of an entry is 128 bits over everything that replicas must agree on; the root of a
 * shard is the XOR of all its entries' digests. XOR makes the root incremental (`root ^= old ^ new`, O(1) a
 * write) and makes drift itself a value: `own root ^ stamped root`, which later events don't disturb.
 *
 * The hash is SHA-256 cut to 128 bits: a flipped bit anywhere changes it, nobody can craft a second value
 * with the digest of the first, and processors have instructions for it (docs/adr/0004-digest.md has the
 * figures).
 */
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';

/** 16 bytes. Treat as immutable unless a function's name says otherwise. */
export type Digest = Uint8Array;

export const digestBytes = 16;

export function zeroDigest(): Digest {
  return new Uint8Array(digestBytes);
}

/** What a digest covers: an entry as replicas must agree on it. */
export interface DigestInput {
  key: string;
  epoch: number;
  seq: number;
  tombstone: boolean;
  value: Uint8Array;
  contentType: string;
  /** Milliseconds since the Unix epoch, or null for "never". */
  expiresAt: number | null;
}

/**
 * The digest of an entry. Canonical form: one line of metadata (lengths first, so that no two entries share a
 * form), then the bytes of key, content type and value.
 */
export function entryDigest(entry: DigestInput): Digest {
  const keyBytes = Buffer.byteLength(entry.key);
  const typeBytes = Buffer.byteLength(entry.contentType);
  const head =
    `${keyBytes} ${typeBytes} ${entry.value.length} ${entry.epoch} ${entry.seq} ` +
    `${entry.tombstone ? 1 : 0} ${entry.expiresAt ?? '-'}\n${entry.key}${entry.contentType}`;
  const headBytes = Buffer.byteLength(head);
  const form = scratch(headBytes + entry.value.length);
  form.write(head, 0, 'utf8');
  form.set(entry.value, headBytes);
  return hash128(form.subarray(0, headBytes + entry.value.length));
}

/** SHA-256 cut to its first 16 bytes. */
export function hash128(bytes: Uint8Array): Digest {
  // A latin1 string comes out of node:crypto at a third of the cost of a Buffer.
  const text = hash('sha256', bytes, 'latin1' as 'hex');
  const digest = new Uint8Array(digestBytes);
  for (let i = 0; i < digestBytes; i += 1) digest[i] = text.charCodeAt(i);
  return digest;
}

/** The same as 32 hexadecimal digits. */
export function hash128Hex(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex').slice(0, digestBytes * 2);
}

/** Names a row where its key is too long: first 8 bytes of the key's SHA-256, as 16 hexadecimal digits. */
export function rowHash(key: string): string {
  return hash('sha256', key, 'hex').slice(0, 16);
}

/** `a ^ b`, as a new digest. */
export function xorDigest(a: Digest, b: Digest): Digest {
  const out = new Uint8Array(digestBytes);
  for (let i = 0; i < digestBytes; i += 1) out[i] = (a[i] as number) ^ (b[i] as number);
  return out;
}

/** Changes `target` into `target ^ other`. */
export function xorInto(target: Digest, other: Digest): void {
  for (let i = 0; i < digestBytes; i += 1) target[i] = (target[i] as number) ^ (other[i] as number);
}

export function equalDigest(a: Digest, b: Digest): boolean {
  for (let i = 0; i < digestBytes; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

export function isZeroDigest(digest: Digest): boolean {
  return digest.every((byte) => byte === 0);
}

/** 32 hexadecimal digits. */
export function formatDigest(digest: Digest): string {
  return Buffer.from(digest.buffer, digest.byteOffset, digest.length).toString('hex');
}

/** Throws a RangeError on anything but 32 hexadecimal digits. */
export function parseDigest(text: string): Digest {
  if (!/^[0-9a-f]{32}$/.test(text)) throw new RangeError('A digest is 32 hexadecimal digits.');
  return new Uint8Array(Buffer.from(text, 'hex'));
}

let form = Buffer.allocUnsafe(64 * 1024);
function scratch(size: number): Buffer {
  if (form.length < size) form = Buffer.allocUnsafe(size * 2);
  return form;
}
