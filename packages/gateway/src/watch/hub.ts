/**
 * All watchers of a gateway and the feeds that they share. The feeds run while somebody watches; how many
 * watch is bounded, and a connection that takes nothing is cut.
 */
import { type ClusterRecord, DriftlessError, type Position } from '@driftless/contracts';
import type { Logger } from '@driftless/runtime';
import type { GatewayConfig } from '../config.ts';
import { WatchCursor } from '../core/watch/cursor.ts';
import { decodeToken } from '../core/watch/token.ts';
import type { RoutingTable } from '../hop/routing-table.ts';
import type { GatewayTelemetry } from '../telemetry.ts';
import { ShardFeed } from './feed.ts';
import { LogClient } from './log-client.ts';
import { LogSource } from './log-source.ts';
import { Watcher } from './watcher.ts';

/** How often stalled connections are looked for. */
const sweepMs = 1000;
/** How long a watcher may take to hear that the gateway shuts down. */
const farewellMs = 2000;

export interface WatchRequest {
  prefix: string;
  /** Resume token; absent: from now on. */
  after: string | undefined;
}

export class WatchHub {
  readonly #config: GatewayConfig;
  readonly #telemetry: GatewayTelemetry;
  readonly #logger: Logger;
  readonly #client: LogClient;
  readonly #source: LogSource;
  readonly #watchers = new Set<Watcher>();
  readonly #sweep: NodeJS.Timeout;
  #feeds: ShardFeed[] = [];
  /** Watchers, and requests that are about to become some. */
  #places = 0;
  #draining = false;

  constructor(config: GatewayConfig, routing: RoutingTable, telemetry: GatewayTelemetry, logger: Logger) {
    this.#config = config;
    this.#telemetry = telemetry;
    this.#logger = logger;
    this.#client = new LogClient({
      connectTimeoutMs: config.connectTimeoutMs,
      answerTimeoutMs: config.readTimeoutMs,
      catchUpsMax: config.watchCatchUpsMax,
    });
    this.#source = new LogSource({
      client: this.#client,
      logger,
      route: (shard) => routing.route(shard),
      urlOf: (node) => routing.urlOf(node),
      limits: {
        pollMs: config.watchPollMs,
        pageBytesMax: config.watchPageBytesMax,
        retryFirstMs: config.retryFirstMs,
        retryMaxMs: config.retryMaxMs,
      },
    });
    this.#sweep = setInterval(() => this.#cutStalled(), sweepMs).unref();
  }

  get size(): number {
    return this.#watchers.size;
  }

  get bufferBytes(): number {
    return this.#feeds.reduce((sum, { ring }) => sum + (ring?.bytes ?? 0), 0);
  }

  /** Throws `overloaded`, `invalid-parameter`, `replica-unavailable` and `shutting-down`. */
  async open({ id, shardCount }: ClusterRecord, { prefix, after }: WatchRequest): Promise<Watcher> {
    const from = after === undefined ? undefined : decodeToken(id, shardCount, after);
    this.#takePlace(shardCount);
    try {
      const feeds = this.#feeds;
      await this.#readyInTime(feeds);
      if (this.#draining) throw new DriftlessError('shutting-down', 'This gateway takes no new watchers.');
      const positions = from ?? feeds.map(({ ring }) => ring?.head as Position);
      return this.#watch(new WatchCursor(id, prefix, positions), feeds);
    } catch (error) {
      this.#givePlace();
      throw error;
    }
  }

  /** Ends all watches: their clients go on at another gateway. Who doesn't listen is cut soon after. */
  drain(): void {
    this.#draining = true;
    for (const watcher of this.#watchers) watcher.end('drained');
    setTimeout(() => {
      for (const watcher of this.#watchers) watcher.cut('drained');
    }, farewellMs).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    this.#stopFeeds();
    await this.#client.close();
  }

  #watch(cursor: WatchCursor, feeds: readonly ShardFeed[]): Watcher {
    const watcher = new Watcher({
      cursor,
      feeds,
      source: this.#source,
      heartbeatMs: this.#config.watchHeartbeatMs,
      onSent: (events) => this.#telemetry.watchSent(events),
      onEnd: (ended, reason) => {
        this.#watchers.delete(ended);
        this.#telemetry.watchEnded(reason);
        this.#givePlace();
      },
    });
    this.#watchers.add(watcher);
    return watcher;
  }

  #takePlace(shardCount: number): void {
    if (this.#places >= this.#config.watchersMax) {
      this.#telemetry.shed('watchers');
      throw new DriftlessError('overloaded', 'The gateway serves as many watchers as it may at a time.');
    }
    this.#places += 1;
    if (this.#feeds.length > 0) return;
    const parts = {
      source: this.#source,
      logger: this.#logger,
      bufferBytesMax: this.#config.watchBufferBytesMax,
      onMore: () => this.#wakeAll(),
    };
    this.#feeds = Array.from({ length: shardCount }, (_, shard) => new ShardFeed(shard, parts));
  }

  #givePlace(): void {
    this.#places -= 1;
    if (this.#places === 0) this.#stopFeeds();
  }

  #stopFeeds(): void {
    for (const feed of this.#feeds) feed.stop();
    this.#feeds = [];
  }

  #wakeAll(): void {
    for (const watcher of this.#watchers) watcher.wake();
  }

  async #readyInTime(feeds: readonly ShardFeed[]): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<'late'>();
    const timer = setTimeout(() => resolve('late'), this.#config.routeWaitMs);
    try {
      const outcome = await Promise.race([Promise.all(feeds.map(({ ready }) => ready)), late]);
      if (outcome !== 'late') return;
      throw new DriftlessError(
        'replica-unavailable',
        'A shard has no replica that shows its log at the moment.',
      );
    } finally {
      clearTimeout(timer);
    }
  }

  #cutStalled(): void {
    const longAgo = performance.now() - this.#config.watchStallMs;
    for (const watcher of this.#watchers) {
      if (watcher.givenAt !== undefined && watcher.givenAt < longAgo) watcher.cut('too-slow');
    }
  }
}
