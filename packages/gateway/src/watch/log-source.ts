/**
 * The shell of history.ts and source.ts: reads a shard's log on from a position, whichever replicas live,
 * until there is something, or until it is certain that there is none to be had.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DriftlessError, type Position } from '@driftless/contracts';
import type { Logger } from '@driftless/runtime';
import { backoffMs } from '../core/backoff.ts';
import type { Route } from '../core/routing.ts';
import { type ChangeBatch, changesOf } from '../core/watch/changes.ts';
import { confirmedEnd, judgePage, type LogPage, type Verdict } from '../core/watch/history.ts';
import { newRound, nextSource, noted, sourceStart, sourcesOf } from '../core/watch/source.ts';
import type { LogClient } from './log-client.ts';

export interface LogSourceParts {
  client: LogClient;
  logger: Logger;
  route(shard: number): Route | undefined;
  urlOf(node: string): string | undefined;
  limits: { pollMs: number; pageBytesMax: number; retryFirstMs: number; retryMaxMs: number };
}

/** `follow`: wait at the freshest replica for news. `catch-up`: read what is there, from replicas in turn. */
export type ReadMode = 'follow' | 'catch-up';

/** Any seq is before this one, so that a page has its header alone. */
const afterAll = Number.MAX_SAFE_INTEGER;

export class LogSource {
  readonly #parts: LogSourceParts;
  #turn = 0;

  constructor(parts: LogSourceParts) {
    this.#parts = parts;
  }

  /** Where the confirmed log ends; waits for a replica that says so. Throws only when `signal` aborts. */
  async end(shard: number, signal: AbortSignal): Promise<Position> {
    let sources = sourceStart;
    for (;;) {
      const next = nextSource(sources, this.#sources(shard, 'follow'));
      if (next.kind === 'ask') {
        const page = await this.#page(next.node, { shard, afterSeq: afterAll, waitMs: 0 }, signal);
        if (page) return confirmedEnd(page);
        sources = noted(sources, next.node, 'failed');
      } else {
        await this.#pause(sources.rounds, signal);
        sources = newRound(sources);
      }
    }
  }

  /** What follows `from`, at least one batch of it. Throws `watch-expired`, or when `signal` aborts. */
  async after(shard: number, from: Position, mode: ReadMode, signal: AbortSignal): Promise<ChangeBatch[]> {
    const waitMs = mode === 'follow' ? this.#parts.limits.pollMs : 0;
    let sources = sourceStart;
    for (;;) {
      const next = nextSource(sources, this.#sources(shard, mode));
      if (next.kind === 'expired') throw expired('The logs do not reach back that far any more.');
      if (next.kind === 'pause') {
        await this.#pause(sources.rounds, signal);
        sources = newRound(sources);
        continue;
      }
      const page = await this.#page(next.node, { shard, afterSeq: from.seq, waitMs }, signal);
      const verdict = this.#judge(next.node, from, page);
      if (verdict?.kind === 'follows') return verdict.batches.map(changesOf);
      if (verdict?.kind === 'rolled-back') {
        throw expired(
          'JetStream and the leader were lost at once, and what the watch saw last was rolled back.',
        );
      }
      // A follower of news that has none asks again: the freshest replica first.
      if (verdict?.kind === 'nothing' && mode === 'follow') sources = sourceStart;
      else sources = noted(sources, next.node, verdict?.kind ?? 'failed');
    }
  }

  #sources(shard: number, mode: ReadMode): string[] {
    const route = this.#parts.route(shard);
    if (route === undefined) return [];
    this.#turn = (this.#turn + 1) % Number.MAX_SAFE_INTEGER;
    return sourcesOf(route, mode === 'follow' ? 'freshest' : { turn: this.#turn });
  }

  async #page(
    node: string,
    query: { shard: number; afterSeq: number; waitMs: number },
    signal: AbortSignal,
  ): Promise<LogPage | undefined> {
    const { client, logger, limits, urlOf } = this.#parts;
    const url = urlOf(node);
    try {
      if (url === undefined) return undefined;
      return await client.page(url, { ...query, bytesMax: limits.pageBytesMax }, signal);
    } catch (error) {
      signal.throwIfAborted();
      logger.debug({ node, shard: query.shard, err: error }, 'a log gave no page; asking another replica');
      return undefined;
    }
  }

  /** Undefined when the page can't be used. */
  #judge(node: string, from: Position, page: LogPage | undefined): Verdict | undefined {
    if (page === undefined) return undefined;
    try {
      return judgePage(from, page);
    } catch (error) {
      this.#parts.logger.error(
        { node, from, err: error },
        'a page of a log is not sound; asking another replica',
      );
      return undefined;
    }
  }

  async #pause(rounds: number, signal: AbortSignal): Promise<void> {
    const { retryFirstMs: firstMs, retryMaxMs: maxMs } = this.#parts.limits;
    await sleep(backoffMs({ firstMs, maxMs }, rounds + 1, Math.random()), undefined, { signal });
  }
}

function expired(message: string): DriftlessError {
  const hint = 'List the keys to learn what is there now, and begin a new watch before you do.';
  return new DriftlessError('watch-expired', message, { hint });
}
