/**
 * How long drift was there before it was found, and until it was healed. What an event meets is as old as the
 * event; what an audit or a read meets may be as old as the last audit of its bucket, which is told then: the
 * time is never made to look better than it can be known. Only what was injected is known exactly.
 */
import type { Clock } from '@driftless/runtime';
import type { Instruments } from '../telemetry.ts';

/** `event` an event did not fit; `read` a row was read; `audit` a bucket; `self-check` position or roots. */
export type FoundBy = 'event' | 'read' | 'audit' | 'self-check';

export interface Found {
  by: FoundBy;
  /** It can be this old, milliseconds; absent when nothing is known of that. */
  afterMs?: number;
}

export class DriftTimes {
  readonly #clock: Clock;
  readonly #instruments: Instruments;
  readonly #shard: number;
  /** When something was spoiled on purpose and not found yet; monotonic milliseconds, like the next. */
  #injectedAt: number | undefined;
  #driftedSince: number | undefined;

  constructor(clock: Clock, instruments: Instruments, shard: number) {
    this.#clock = clock;
    this.#instruments = instruments;
    this.#shard = shard;
  }

  injected(): void {
    this.#injectedAt = this.#clock.monotonic();
  }

  found({ by, afterMs }: Found): void {
    const exactMs = this.#injectedAt === undefined ? undefined : this.#clock.monotonic() - this.#injectedAt;
    this.#injectedAt = undefined;
    const ms = exactMs ?? afterMs;
    if (ms !== undefined) this.#instruments.antiEntropy.detected(this.#shard, by, Math.max(0, ms));
  }

  /** The replica has drifted, or is equal again. */
  moved(drifted: boolean): void {
    const now = this.#clock.monotonic();
    if (!drifted && this.#driftedSince !== undefined) {
      this.#instruments.antiEntropy.healed(this.#shard, now - this.#driftedSince);
    }
    this.#driftedSince = drifted ? now : undefined;
  }
}
