/**
 * Resume tokens: the position of every shard as of one event, in a form that callers have no reason to look
 * into but that fits a header, a URL and a person's eye.
 *
 *     <8 hex digits: hash of cluster id and positions>.<epoch>-<seq>.<epoch>-<seq>…     by shard number
 *
 * The hash finds tokens of another cluster and mangled ones out, so that a mistake is an error and not a
 * wrong stream. It guards no secret: who may watch may watch from anywhere.
 */
import { DriftlessError, formatPosition, keyHash, type Position, parsePosition } from '@driftless/contracts';

export function encodeToken(clusterId: string, positions: readonly Position[]): string {
  const text = positions.map(formatPosition).join('.');
  return `${codeOf(clusterId, text)}.${text}`;
}

/** The position of each shard. Throws `invalid-parameter`. */
export function decodeToken(clusterId: string, shardCount: number, token: string): Position[] {
  const text = token.slice(9);
  const positions = text.split('.').map(parsePosition);
  const sound = token.slice(0, 9) === `${codeOf(clusterId, text)}.` && positions.length === shardCount;
  if (sound && positions.every((position) => position !== undefined)) return positions;
  throw new DriftlessError('invalid-parameter', 'The resume token is not one that a watch here gave.', {
    hint: 'Take the `id` of the last event as it is, or leave it out to begin now.',
  });
}

function codeOf(clusterId: string, text: string): string {
  return keyHash(`${clusterId}\0${text}`).toString(16).padStart(8, '0');
}
