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
import { utf8BytesAtMost, writeUtf8 } from './utf8.ts';

/** 16 bytes. Treat as immutable unless a function's name says otherwise. */
export type Digest = Uint8Array;

export const digestBytes = 16;

/**
 * Digests are cut off one block after another, which begins as zeros. A typed array this small would lie on
 * V8's heap otherwise, and be given memory of its own when it is handed to SQLite, as nearly all digests are.
 */
export function zeroDigest(): Digest {
  if (blockEnd === block.byteLength) {
    block = new ArrayBuffer(block.byteLength);
    blockEnd = 0;
  }
  blockEnd += digestBytes;
  return new Uint8Array(block, blockEnd - digestBytes, digestBytes);
}

let block = new ArrayBuffer(512 * digestBytes);
let blockEnd = 0;

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
 * form), then the bytes of key, content type and value. In decimal digits, `-` for no expiry:
 *
 *     <bytes of the key> <of the content type> <of the value> <epoch> <seq> <tombstone: 0 or 1> <expiry>\n
 *
 * The line is written last and from its end: by then the lengths are known, and digits come that way.
 */
export function entryDigest(entry: DigestInput): Digest {
  return hash128(formOf(entry));
}

/** The canonical form of an entry, for whoever keeps it. */
export function canonicalForm(entry: DigestInput): Uint8Array {
  return new Uint8Array(formOf(entry));
}

/**
 * Where the canonical form ends that begins at `start`: it says so itself, so forms can stand one behind the
 * other. Throws a RangeError where the bytes are no form, or not a whole one.
 */
export function endOfForm(bytes: Uint8Array, start: number): number {
  let at = start;
  let length = 0;
  for (let field = 0; field < 3; field += 1) {
    let bytesOf = 0;
    for (; bytes[at] !== space; at += 1) {
      const digit = (bytes[at] ?? newline) - zero;
      if (!(digit >= 0 && digit <= 9)) throw new RangeError('A canonical form begins with three lengths.');
      bytesOf = bytesOf * 10 + digit;
    }
    at += 1;
    length += bytesOf;
  }
  const lineEnd = bytes.indexOf(newline, at);
  const end = lineEnd + 1 + length;
  if (lineEnd < 0 || end > bytes.length) throw new RangeError('A canonical form is cut off.');
  return end;
}

/** Lies in a buffer that the next form is written to. */
function formOf(entry: DigestInput): Buffer {
  const { key, contentType, value } = entry;
  const form = scratch(lineBytesMax + utf8BytesAtMost * (key.length + contentType.length) + value.length);
  const keyEnd = writeUtf8(form, key, lineBytesMax);
  const typeEnd = writeUtf8(form, contentType, keyEnd);
  form.set(value, typeEnd);
  let start = writeBefore(form, lineBytesMax, entry.expiresAt, newline);
  start = writeBefore(form, start, entry.tombstone ? 1 : 0, space);
  start = writeBefore(form, start, entry.seq, space);
  start = writeBefore(form, start, entry.epoch, space);
  start = writeBefore(form, start, value.length, space);
  start = writeBefore(form, start, typeEnd - keyEnd, space);
  start = writeBefore(form, start, keyEnd - lineBytesMax, space);
  return form.subarray(start, typeEnd + value.length);
}

/** Seven numbers, each of at most 24 characters, and what stands behind them. */
const lineBytesMax = 192;
const [newline, space, zero] = [0x0a, 0x20, 0x30];
/** Up to here digits are made by arithmetic of 32 bits. */
const smallMax = 2 ** 31 - 1;

/** Writes a field of the line, and what follows it, so that they end before `end`; where they begin. */
function writeBefore(form: Buffer, end: number, field: number | null, follows: number): number {
  let start = end - 1;
  form[start] = follows;
  if (field === null || !(field >= 0 && field <= smallMax && Number.isInteger(field))) {
    const text = field === null ? '-' : String(field);
    form.write(text, start - text.length, 'latin1');
    return start - text.length;
  }
  let rest = field;
  do {
    const tenth = (rest / 10) | 0;
    start -= 1;
    form[start] = zero + rest - tenth * 10;
    rest = tenth;
  } while (rest > 0);
  return start;
}

/** SHA-256 cut to its first 16 bytes. */
export function hash128(bytes: Uint8Array): Digest {
  // A latin1 string comes out of node:crypto at a third of the cost of a Buffer.
  const text = hash('sha256', bytes, 'latin1' as 'hex');
  const digest = zeroDigest();
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
  const out = zeroDigest();
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
