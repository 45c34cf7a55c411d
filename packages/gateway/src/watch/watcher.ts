/**
 * One watcher: the text of its stream, made as its connection takes it. It reads the feeds' rings, and the
 * logs of shards where it comes from further back.
 *
 *     catching up ── reaches the end of the ring ──▶ live ── falls out of the ring ──▶ `watch-too-slow`
 *
 * Nothing is made ahead of the connection, so a slow watcher takes no memory: while it catches up it only
 * takes longer, and once live it has as much time as the ring reaches back.
 */
import { Readable } from 'node:stream';
import { DriftlessError, problemOf } from '@driftless/contracts';
import type { ChangeRing } from '../core/watch/change-ring.ts';
import type { ChangeBatch } from '../core/watch/changes.ts';
import type { WatchCursor } from '../core/watch/cursor.ts';
import { errorEvent, farewell, heartbeat, readyEvent } from '../core/watch/events.ts';
import type { WatchEnd } from '../telemetry.ts';
import type { ShardFeed } from './feed.ts';
import type { LogSource } from './log-source.ts';

/** Text that is gathered before it is handed to the connection, in characters. */
const chunkChars = 64 * 1024;

export interface WatcherParts {
  cursor: WatchCursor;
  /** By shard number; all of them ready. */
  feeds: readonly ShardFeed[];
  source: LogSource;
  heartbeatMs: number;
  onSent(events: number): void;
  onEnd(watcher: Watcher, reason: WatchEnd): void;
}

export class Watcher {
  readonly stream: Readable;
  readonly #parts: WatcherParts;
  readonly #left = new AbortController();
  /** Read from the log and not yet taken, by shard. */
  readonly #pages = new Map<number, ChangeBatch[]>();
  readonly #reading = new Set<number>();
  /** The ring whose end was reached, by shard. */
  readonly #liveIn = new Map<number, ChangeRing>();
  #end: { reason: WatchEnd; error?: unknown } | undefined;
  #givenAt: number | undefined;
  #wake: () => void = () => undefined;

  constructor(parts: WatcherParts) {
    this.#parts = parts;
    this.stream = Readable.from(this.#text(), { objectMode: false });
    this.stream.once('close', () => {
      this.#left.abort();
      parts.onEnd(this, this.#end?.reason ?? 'closed');
    });
  }

  /** Since when the connection has not taken what it was given; monotonic, milliseconds. */
  get givenAt(): number | undefined {
    return this.#givenAt;
  }

  /** There may be more. */
  wake(): void {
    this.#wake();
  }

  /** Ends the stream, after its last words if there are any. The first reason counts. */
  end(reason: WatchEnd, error?: unknown): void {
    this.#end ??= { reason, error };
    this.#wake();
  }

  /** Ends the stream of a connection that takes nothing, not even last words. */
  cut(reason: WatchEnd): void {
    this.end(reason);
    this.stream.destroy();
  }

  async *#text(): AsyncGenerator<string> {
    const { cursor, feeds, heartbeatMs } = this.#parts;
    yield this.#given(readyEvent(cursor.token, feeds.length));
    while (this.#end === undefined) {
      this.#givenAt = undefined;
      const text = this.#more();
      if (text !== '') yield this.#given(text);
      else if (this.#end === undefined && (await this.#isQuietFor(heartbeatMs))) {
        yield this.#given(heartbeat(cursor.token));
      }
    }
    if (this.#end.reason !== 'closed') yield this.#given(this.#lastWords(this.#end.error));
  }

  #given(text: string): string {
    this.#givenAt = performance.now();
    return text;
  }

  #lastWords(error: unknown): string {
    if (error === undefined) return farewell;
    const { retryAfterSeconds: _, ...problem } = problemOf(error);
    return errorEvent(this.#parts.cursor.token, problem);
  }

  /** The next events, a batch of each shard in turn; empty when there are none at the moment. */
  #more(): string {
    const { cursor, feeds, onSent } = this.#parts;
    let text = '';
    let events = 0;
    for (let moved = true; moved && text.length < chunkChars; ) {
      moved = false;
      for (const feed of feeds) {
        const batch = this.#next(feed);
        if (batch === undefined) continue;
        const taken = cursor.take(feed.shard, batch);
        text += taken.text;
        events += taken.events;
        moved = true;
      }
    }
    onSent(events);
    return text;
  }

  #next({ shard, ring }: ShardFeed): ChangeBatch | undefined {
    const fromLog = this.#pages.get(shard)?.shift();
    if (fromLog !== undefined || ring === undefined || this.#reading.has(shard)) return fromLog;
    const read = ring.read(this.#parts.cursor.at(shard));
    switch (read.kind) {
      case 'batch':
        return read.batch;
      case 'caught-up':
        this.#liveIn.set(shard, ring);
        return undefined;
      case 'missed':
        if (this.#liveIn.get(shard) === ring) this.end('too-slow', tooSlow());
        else void this.#readLog(shard);
        return undefined;
    }
  }

  async #readLog(shard: number): Promise<void> {
    const { source, cursor } = this.#parts;
    const { signal } = this.#left;
    this.#reading.add(shard);
    try {
      this.#pages.set(shard, await source.after(shard, cursor.at(shard), 'catch-up', signal));
    } catch (error) {
      const isKnown = error instanceof DriftlessError && error.code === 'watch-expired';
      if (!signal.aborted) this.end(isKnown ? 'expired' : 'failed', error);
    } finally {
      this.#reading.delete(shard);
      this.#wake();
    }
  }

  /** Resolves when woken, or with true after `ms`. */
  #isQuietFor(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(true), ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(false);
      };
    });
  }
}

function tooSlow(): DriftlessError {
  const hint = 'Go on from the `id` of this event, and take events as they come.';
  return new DriftlessError('watch-too-slow', 'The changes that come next are not kept at hand any more.', {
    hint,
  });
}
