/**
 * Session tokens: the positions that a client has seen, in a form that callers have no reason to look into.
 *
 *     base64url( version | tag | for each shard, in order: varint shard − last shard − 1, varint epoch,
 * varint seq )
 *
 *     version   one byte; this is 1
 *     tag       the first 16 bytes of HMAC-SHA-256 over "driftless-session\0cluster\0" and the positions
 *     varint    LEB128: seven bits a byte, the lowest first
 *
 * The tag ties a token to its cluster and finds changed ones out: who could write positions of their own
 * could make replicas wait for what never comes. No user data is inside. 64 shards take fewer than 1024
 * characters.
 */
import { Buffer } from 'node:buffer';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Position, sessionTokenCharsMax } from '@driftless/contracts';

const version = 1;
const tagBytes = 16;
const headBytes = 1 + tagBytes;

/** By shard. */
export type Positions = ReadonlyMap<number, Position>;

export function encodeToken(key: Uint8Array, cluster: string, positions: Positions): string {
  const numbers: number[] = [];
  let last = -1;
  for (const [shard, { epoch, seq }] of [...positions].sort(([a], [b]) => a - b)) {
    numbers.push(shard - last - 1, epoch, seq);
    last = shard;
  }
  const body = Buffer.from(numbers.flatMap(varint));
  return Buffer.concat([Buffer.of(version), tagOf(key, cluster, body), body]).toString('base64url');
}

/**
 * The positions of a token that was made under one of `keys`, or undefined: it is no token of this cluster.
 */
export function decodeToken(
  keys: readonly Uint8Array[],
  cluster: string,
  token: string,
): Map<number, Position> | undefined {
  if (token.length > sessionTokenCharsMax) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  if (bytes.length < headBytes || bytes[0] !== version || bytes.toString('base64url') !== token)
    return undefined;
  const tag = bytes.subarray(1, headBytes);
  const body = bytes.subarray(headBytes);
  const isOurs = keys.some((key) => timingSafeEqual(tag, tagOf(key, cluster, body)));
  return isOurs ? positionsIn(body) : undefined;
}

function tagOf(key: Uint8Array, cluster: string, body: Uint8Array): Buffer {
  const hmac = createHmac('sha256', key).update(`driftless-session\0${cluster}\0`).update(body);
  return hmac.digest().subarray(0, tagBytes);
}

function varint(number: number): number[] {
  const bytes: number[] = [];
  let rest = number;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return [...bytes, rest];
}

/** What we have signed is well formed. */
function positionsIn(body: Uint8Array): Map<number, Position> {
  const positions = new Map<number, Position>();
  let offset = 0;
  const next = (): number => {
    let number = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = body[offset++] as number;
      number += (byte % 0x80) * scale;
      if (byte < 0x80) return number;
    }
  };
  for (let shard = -1; offset < body.length; ) {
    shard += next() + 1;
    positions.set(shard, { epoch: next(), seq: next() });
  }
  return positions;
}
