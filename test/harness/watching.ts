/** A watcher that keeps what it is shown, and what a history of writes demands of it. */
import { DriftlessClient, type WatchEvent } from '@driftless/client';
import { comparePositions, type Position, parsePosition } from '@driftless/contracts';
import { waitUntil } from '@driftless/runtime';
import type { HistoryEntry } from './load.ts';

const timeoutMs = 30_000;

export interface WatchingOptions {
  /** Gateways. */
  urls: readonly string[];
  prefix?: string;
  /** Resume token. */
  after?: string;
}

export class Watching {
  readonly events: WatchEvent[] = [];
  /** Where the watch could go on from. */
  token: string | undefined;
  /** What ended the watch by itself. */
  failure: unknown;
  readonly #client: DriftlessClient;
  readonly #ended: Promise<void>;

  private constructor({ urls, prefix, after }: WatchingOptions) {
    this.#client = new DriftlessClient({ baseUrls: urls });
    const onToken = (token: string): void => {
      this.token = token;
    };
    this.#ended = this.#collect(this.#client.watch({ prefix, after, onToken }));
  }

  /** Has begun when it resolves: what is written from then on will be shown. */
  static async begin(options: WatchingOptions): Promise<Watching> {
    const watching = new Watching(options);
    const begun = (): boolean => options.after !== undefined || watching.token !== undefined;
    await watching.until('the watch to begin', begun);
    return watching;
  }

  /** Resolves when `condition` is met; fails when the watch ends before. */
  async until(what: string, condition: () => boolean): Promise<void> {
    await waitUntil(() => this.failure !== undefined || condition(), { timeoutMs, what });
    if (this.failure !== undefined) throw this.failure;
  }

  /** Resolves when all of these writes were shown. */
  async shown(writes: readonly HistoryEntry[]): Promise<void> {
    const missing = new Set(writes.map(({ number }) => number));
    let looked = 0;
    await this.until('every acknowledged write to be shown', () => {
      for (const event of this.events.slice(looked)) missing.delete(numberOf(event));
      looked = this.events.length;
      return missing.size === 0;
    });
  }

  async end(): Promise<void> {
    await this.#client.close();
    await this.#ended;
  }

  async #collect(watch: AsyncGenerator<WatchEvent>): Promise<void> {
    try {
      for await (const event of watch) this.events.push(event);
    } catch (error) {
      this.failure = error;
    }
  }
}

function numberOf({ value }: WatchEvent): number {
  return (value as { number: number }).number;
}

/** Everything that is wrong with what a watcher was shown of a history: empty when nothing is. */
export function watchProblems(events: readonly WatchEvent[], history: readonly HistoryEntry[]): string[] {
  const problems: string[] = [];
  const shown = Map.groupBy(events, numberOf);
  for (const { number, key, outcome, status } of history) {
    const times = shown.get(number)?.length ?? 0;
    if (times > 1) problems.push(`${key} = ${number} was shown ${times} times`);
    if (times === 0 && outcome === 'ok') problems.push(`acknowledged ${key} = ${number} was not shown`);
    if (times > 0 && outcome === 'fail') problems.push(`refused (${status}) ${key} = ${number} was shown`);
    shown.delete(number);
  }
  for (const number of shown.keys()) problems.push(`${number} was shown, and nobody wrote it`);
  const lastOfShard = new Map<number, Position>();
  for (const { shard, version, key } of events) {
    const position = parsePosition(version) as Position;
    const last = lastOfShard.get(shard);
    if (last && comparePositions(last, position) >= 0) problems.push(`${key} at ${version} is out of order`);
    lastOfShard.set(shard, position);
  }
  return problems;
}
