/**
 * The feed of a shard: one loop that follows the log for all watchers of this gateway. They read its ring in
 * their own time; only who comes from further back than the ring reads the log itself.
 */
import type { Position } from '@driftless/contracts';
import type { Logger } from '@driftless/runtime';
import { ChangeRing } from '../core/watch/change-ring.ts';
import type { LogSource } from './log-source.ts';

export interface FeedParts {
  source: LogSource;
  logger: Logger;
  bufferBytesMax: number;
  /** There is more, or there is another ring. */
  onMore(): void;
}

export class ShardFeed {
  readonly shard: number;
  /** Settles when there is a ring; rejects when the feed was stopped before. */
  readonly ready: Promise<void>;
  readonly #parts: FeedParts;
  readonly #stop = new AbortController();
  #ring: ChangeRing | undefined;

  constructor(shard: number, parts: FeedParts) {
    this.shard = shard;
    this.#parts = parts;
    this.ready = this.#begin();
    void this.#run();
  }

  /** Undefined until the feed is ready. */
  get ring(): ChangeRing | undefined {
    return this.#ring;
  }

  stop(): void {
    this.#stop.abort();
  }

  async #begin(): Promise<void> {
    const start: Position = await this.#parts.source.end(this.shard, this.#stop.signal);
    this.#ring = new ChangeRing(start, this.#parts.bufferBytesMax);
  }

  async #run(): Promise<void> {
    const { source, logger, onMore } = this.#parts;
    const { signal } = this.#stop;
    await this.ready.catch(() => undefined);
    while (!signal.aborted && this.#ring) {
      const ring = this.#ring;
      try {
        for (const batch of await source.after(this.shard, ring.head, 'follow', signal)) ring.append(batch);
      } catch (error) {
        if (signal.aborted) return;
        // Watchers are judged one by one by the log; who begins now begins with a new ring.
        logger.error({ shard: this.shard, err: error }, 'the feed of a shard lost its place; beginning anew');
        await this.#begin().catch(() => undefined);
      }
      onMore();
    }
  }
}
