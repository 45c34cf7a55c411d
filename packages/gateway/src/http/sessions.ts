/**
 * `Driftless-Session`: sessions off requests, and onto answers. All gateways of a cluster sign with one key
 * (nats/session-key.ts), so a client may go on at any of them.
 */
import type { Buffer } from 'node:buffer';
import { answerHeaders, DriftlessError, type Position } from '@driftless/contracts';
import { Session } from '../core/session.ts';
import { decodeToken, encodeToken } from '../core/session-token.ts';
import type { Answering, Asking } from './exchange.ts';

/** Keys whose tokens are taken: the cluster's, and those it had before JetStream lost them. */
const keysMax = 4;
/**
 * Tokens in one request: a client has several when it does several things at a time; they are taken together.
 */
const tokensMax = 64;
/** Tokens of one position that are kept: reads of a hot key are all given the same. */
const tokensKeptMax = 4096;

export class Sessions {
  readonly #cluster: string;
  readonly #kept = new Map<string, string>();
  /** The one that signs is the first. */
  #keys: Buffer[] = [];

  constructor(cluster: string) {
    this.#cluster = cluster;
  }

  /** The key that signs; undefined until it is known. */
  get key(): Buffer | undefined {
    return this.#keys[0];
  }

  /** The cluster's key is this one, from now on. */
  useKey(bytes: Buffer): void {
    if (this.key?.equals(bytes)) return;
    const others = this.#keys.filter((known) => !known.equals(bytes));
    this.#keys = [bytes, ...others].slice(0, keysMax);
    this.#kept.clear();
  }

  /** The session of a request. Throws `invalid-session`. */
  of({ headers }: Asking): Session {
    const header = headers[answerHeaders.session];
    if (header === undefined || header === '') return new Session();
    if (this.#keys.length === 0) {
      throw new DriftlessError('replica-unavailable', 'The key of session tokens is not known yet.');
    }
    const session = new Session();
    const tokens = String(header).split(',', tokensMax + 1);
    if (tokens.length > tokensMax)
      throw invalidSession(`A request carries at most ${tokensMax} session tokens.`);
    for (const token of tokens) {
      for (const [shard, position] of this.#positionsIn(token.trim())) session.saw(shard, position);
    }
    return new Session(session.positions);
  }

  /** The session as it is now, onto the answer. */
  tell(reply: Answering, session: Session): void {
    const token = this.#tokenOf(session);
    if (token !== undefined) reply.header(answerHeaders.session, token);
  }

  #tokenOf({ positions }: Session): string | undefined {
    const key = this.#keys[0];
    if (key === undefined || positions.size === 0) return undefined;
    if (positions.size > 1) return encodeToken(key, this.#cluster, positions);
    const [[shard, position]] = positions as unknown as [[number, Position]];
    const name = `${shard} ${position.epoch} ${position.seq}`;
    const kept = this.#kept.get(name);
    if (kept !== undefined) return kept;
    const token = encodeToken(key, this.#cluster, positions);
    if (this.#kept.size >= tokensKeptMax) this.#kept.clear();
    this.#kept.set(name, token);
    return token;
  }

  #positionsIn(token: string): Map<number, Position> {
    const positions = decodeToken(this.#keys, this.#cluster, token);
    if (positions !== undefined) return positions;
    throw invalidSession('The session token is not one that this cluster gave.');
  }
}

function invalidSession(detail: string): DriftlessError {
  const hint = 'Send Driftless-Session back as an answer of this cluster gave it, or begin without it.';
  return new DriftlessError('invalid-session', detail, { hint });
}
