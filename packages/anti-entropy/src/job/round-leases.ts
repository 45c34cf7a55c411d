/**
 * Which process works on a shard: one at a time, by a lease in a bucket that is changed by compare-and-set.
 * The holder renews it while its round lasts, and gives it back. A holder that died is found out by waiting:
 * its lease is taken over when the same revision stood for a whole TTL on our own monotonic clock; nobody's
 * wall clock counts.
 *
 * The lease saves work, no more: every exchange is safe beside any other. So a round whose lease is lost
 * ends, but what it has done need not be undone.
 */
import type { RoundLease } from '@driftless/contracts';
import { type Cells, type Clock, type Logger, type Seen, Unanswered } from '@driftless/runtime';

export interface RoundLeasesOptions {
  cells: Cells<RoundLease>;
  clock: Clock;
  logger: Logger;
  /** Name of this process. */
  holder: string;
  /** Tells two lives of it apart. */
  incarnation: string;
  ttlMs: number;
}

/** Parts of a TTL in which a lease is renewed, and after which it is given up without a renewal. */
const renewShare = 1 / 3;
const lostShare = 2 / 3;

export class RoundLeases {
  readonly #options: RoundLeasesOptions;
  /** What stands under a key, and since when we see it, by shard. */
  readonly #seen = new Map<number, { text: string; since: number }>();

  constructor(options: RoundLeasesOptions) {
    this.#options = options;
  }

  /** The lease, or undefined while another process has it. Throws `Unanswered`. */
  async take(shard: number): Promise<HeldLease | undefined> {
    const { cells, clock, holder, incarnation, ttlMs } = this.#options;
    const seen = await cells.read(keyOf(shard));
    if (!this.#isFree(shard, seen)) return undefined;
    const takenAt = clock.monotonic();
    const lease = { holder, incarnation, ttlMs };
    const revision = await cells.write(keyOf(shard), lease, seen.revision);
    return revision === undefined
      ? undefined
      : new HeldLease(this.#options, keyOf(shard), lease, revision, takenAt);
  }

  #isFree(shard: number, { revision, value }: Seen<RoundLease>): boolean {
    if (value === null || value.holder === null) return true;
    const { holder, incarnation, clock } = this.#options;
    // Ours, of a call whose answer was lost: nobody works under it.
    if (value.holder === holder && value.incarnation === incarnation) return true;
    const now = clock.monotonic();
    const text = JSON.stringify([revision, value]);
    const known = this.#seen.get(shard);
    if (known?.text === text) return now - known.since >= value.ttlMs;
    this.#seen.set(shard, { text, since: now });
    return false;
  }
}

export class HeldLease {
  readonly #options: RoundLeasesOptions;
  readonly #key: string;
  readonly #lease: RoundLease;
  readonly #lost = new AbortController();
  readonly #endRenewals: () => void;
  #revision: number;
  /** Before the write that took or renewed it was sent: from then on it counts. */
  #renewedAt: number;
  #renewal: Promise<void> | undefined;

  constructor(
    options: RoundLeasesOptions,
    key: string,
    lease: RoundLease,
    revision: number,
    takenAt: number,
  ) {
    this.#options = options;
    this.#key = key;
    this.#lease = lease;
    this.#revision = revision;
    this.#renewedAt = takenAt;
    this.#endRenewals = options.clock.every(lease.ttlMs * renewShare, () => this.#renew());
  }

  /** Aborts when the lease is lost. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Gives it back. One that can't be given back runs out. */
  async release(): Promise<void> {
    this.#endRenewals();
    await this.#renewal;
    if (this.lost.aborted) return;
    const { cells, logger } = this.#options;
    await cells.write(this.#key, { ...this.#lease, holder: null }, this.#revision).catch((error: unknown) => {
      logger.debug({ err: error, key: this.#key }, 'a round lease was not given back; it runs out');
    });
  }

  #renew(): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#renewedAt > this.#lease.ttlMs * lostShare) this.#lose('it could not be renewed');
    else
      this.#renewal ??= this.#renewAt(now).finally(() => {
        this.#renewal = undefined;
      });
  }

  async #renewAt(now: number): Promise<void> {
    const { cells } = this.#options;
    try {
      const revision = await cells.write(this.#key, this.#lease, this.#revision);
      if (revision !== undefined) {
        this.#revision = revision;
        this.#renewedAt = now;
        return;
      }
      // It is ours all the same when the answer to an earlier renewal was lost.
      const seen = await cells.read(this.#key);
      const isOurs =
        seen.value?.holder === this.#lease.holder && seen.value.incarnation === this.#lease.incarnation;
      if (isOurs) this.#revision = seen.revision;
      else this.#lose('another process has taken it');
    } catch (error) {
      // It may have been renewed or not: the next turn finds out, by being refused or by the time.
      if (!(error instanceof Unanswered)) throw error;
    }
  }

  #lose(why: string): void {
    this.#endRenewals();
    this.#lost.abort(new Error(`The round lease is lost: ${why}.`));
  }
}

function keyOf(shard: number): string {
  return `shard.${shard}`;
}
