/**
 * The shell of the barrier of strong reads (core/barrier.ts): the round trips, and how long they may take.
 */
import { DriftlessError } from '@driftless/contracts';
import type { Clock } from '@driftless/runtime';
import { Barrier } from '../core/barrier.ts';
import type { EventStream } from '../jetstream/port.ts';

type End = Awaited<ReturnType<EventStream['end']>>;

interface Held {
  pass(): void;
  refuse(error: DriftlessError): void;
}

/** Most strong reads that wait on one replica. */
const readsMax = 10_000;
/**
 * How long one round trip may take, milliseconds. A read waits for two at most, and a gateway must have its
 * answer before it takes silence for sickness.
 */
const tripMs = 800;

export class StreamBarrier {
  readonly #barrier = new Barrier<Held>();
  readonly #stream: Pick<EventStream, 'end'>;
  readonly #clock: Clock;
  readonly #proves: (end: End) => boolean;

  /** `proves`: whether this end of the stream says that we lead, at the moment it is asked. */
  constructor(stream: Pick<EventStream, 'end'>, clock: Clock, proves: (end: End) => boolean) {
    this.#stream = stream;
    this.#clock = clock;
    this.#proves = proves;
  }

  /** Resolves when a round trip that began after this call proved the leadership; rejects when it didn't. */
  passed(): Promise<void> {
    if (this.#barrier.size >= readsMax) {
      return Promise.reject(new DriftlessError('overloaded', 'Too many strong reads are waiting.'));
    }
    return new Promise((pass, refuse) => {
      if (this.#barrier.arrived({ pass, refuse })) void this.#trip();
    });
  }

  async #trip(): Promise<void> {
    const error = await this.#ask();
    const { reads, askAgain } = this.#barrier.tripEnded();
    if (askAgain) void this.#trip();
    for (const read of reads) {
      if (error) read.refuse(error);
      else read.pass();
    }
  }

  /** Why nobody may pass, or undefined. */
  async #ask(): Promise<DriftlessError | undefined> {
    let callOff = (): void => {};
    const late = new Promise<undefined>((resolve) => {
      callOff = this.#clock.after(tripMs, () => resolve(undefined));
    });
    try {
      const end = await Promise.race([this.#stream.end(), late]);
      if (!end) return new DriftlessError('replica-unavailable', 'The stream did not answer in time.');
      if (this.#proves(end)) return undefined;
      return new DriftlessError('not-leader', 'The stream does not say that this node leads.');
    } catch (cause) {
      return new DriftlessError('replica-unavailable', 'The stream cannot be asked.', { cause });
    } finally {
      callOff();
    }
  }
}
