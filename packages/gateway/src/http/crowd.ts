/**
 * Writes that are refused by their heads. While a shard has more of them than it can do, nearly all that the
 * gateway does is to say so, and what that costs is missing where writes are done: so it is said before the
 * body is read, and without all that a write needs besides.
 */
import { answerHeaders } from '@driftless/contracts';
import { queryOfTarget } from '../core/target.ts';
import { crowded } from '../hop/pending-write.ts';
import { type Asking, ackOf } from './exchange.ts';
import type { Parts } from './keys.ts';
import { RefusedWrite } from './problem.ts';

/** Made once, as `tooManyRequests` is; word for word what its handler would answer. */
const crowdedWrite = new RefusedWrite('overloaded', { detail: crowded });

/** Parameters that writes may have. */
const parameters = ['ack', 'ttl'] as const;

/**
 * The error that a write is refused with; undefined: its handler is to serve it, who also says what is wrong
 * with its head, and gives a session back.
 */
export function refusalOfWrite(
  { store }: Parts,
  { url, headers }: Asking,
  keyIn: (target: string) => string,
): Error | undefined {
  if (!store.isCrowded || headers[answerHeaders.session] !== undefined) return undefined;
  try {
    const ack = ackOf(queryOfTarget(url, parameters).ack);
    return store.turnsAway(ack, keyIn(url)) ? crowdedWrite : undefined;
  } catch {
    return undefined;
  }
}
