/**
 * `Idempotency-Key`: the leader keeps the first answer under it. The fingerprint says what was asked, so that
 * a key that is used for something else is refused and not answered with an answer to another question.
 */
import { Buffer } from 'node:buffer';
import { DriftlessError, formatDigest, hash128, idempotencyKeyCharsMax } from '@driftless/contracts';

const pattern = new RegExp(`^[!-~]{1,${idempotencyKeyCharsMax}}$`);

/** The header's value when it is one. Throws `invalid-parameter`. */
export function checkedIdempotencyKey(header: string): string {
  if (pattern.test(header)) return header;
  const detail = `Idempotency-Key has 1–${idempotencyKeyCharsMax} characters of visible ASCII.`;
  throw new DriftlessError('invalid-parameter', detail);
}

/** Key of the `index`-th operation of a batch; the space keeps it apart from all that clients can send. */
export function batchIdempotencyKey(id: string, index: number): string {
  return `${id} ${index}`;
}

/** 32 hex digits over what was asked. */
export function fingerprintOf(asked: readonly unknown[], value: Uint8Array): string {
  return formatDigest(hash128(Buffer.concat([Buffer.from(`${JSON.stringify(asked)}\n`), value])));
}
