/**
 * Cursors of a listing: the last key of the page before, in a form that callers have no reason to look into.
 *
 *     base64url( 12 bytes of HMAC-SHA-256 over "prefix\0key", keyed by the cluster's id | key )
 *
 * The code ties a cursor to its prefix and its cluster and finds changed ones out, so that a mistake is an
 * error and not a wrong page. It guards no secret: who may list may list from anywhere.
 */
import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { DriftlessError, keyProblem } from '@driftless/contracts';

const codeBytes = 12;

export function encodeCursor(clusterId: string, prefix: string, lastKey: string): string {
  const key = Buffer.from(lastKey, 'utf8');
  return Buffer.concat([codeOf(clusterId, prefix, key), key]).toString('base64url');
}

/** The last key of the page before. Throws `invalid-cursor`. */
export function decodeCursor(clusterId: string, prefix: string, cursor: string): string {
  const bytes = Buffer.from(cursor, 'base64url');
  const key = bytes.subarray(codeBytes);
  const text = key.toString('utf8');
  const sound =
    bytes.toString('base64url') === cursor &&
    bytes.subarray(0, codeBytes).equals(codeOf(clusterId, prefix, key)) &&
    keyProblem(text) === undefined &&
    text.startsWith(prefix);
  if (sound) return text;
  throw new DriftlessError('invalid-cursor', 'The cursor is not one that a listing with this prefix gave.', {
    hint: 'Take `next` of the page before as it is, or leave the cursor out to begin again.',
  });
}

function codeOf(clusterId: string, prefix: string, key: Uint8Array): Buffer {
  return createHmac('sha256', clusterId).update(`${prefix}\0`).update(key).digest().subarray(0, codeBytes);
}
