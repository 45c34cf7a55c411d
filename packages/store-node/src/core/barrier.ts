/**
 * The barrier of strong reads (SPEC.md, B1–B3): a read may be served when the stream was asked, after the
 * read arrived, where it ends, and the answer says that nobody else leads. Reads share the round trip:
 *
 *     read ──▶ waits ──(no trip is under way: ask)──▶ on the trip ──(answered)──▶ served or refused
 *                └─────(one is under way: it began before us, so it proves nothing to us: the next one)
 *
 * Clock and promises stay outside: `Read` is whatever the shell wants back.
 */
import type { StreamEnd } from './outbox.ts';

export class Barrier<Read> {
  #onTrip: Read[] | undefined;
  #waiting: Read[] = [];

  /** Reads that are held. */
  get size(): number {
    return (this.#onTrip?.length ?? 0) + this.#waiting.length;
  }

  /** Takes a read; whether the stream must be asked now. */
  arrived(read: Read): boolean {
    if (this.#onTrip !== undefined) {
      this.#waiting.push(read);
      return false;
    }
    this.#onTrip = [read];
    return true;
  }

  /** The trip is over, whatever came of it: its reads, and whether the stream must be asked again now. */
  tripEnded(): { reads: Read[]; askAgain: boolean } {
    const reads = this.#onTrip ?? [];
    const askAgain = this.#waiting.length > 0;
    this.#onTrip = askAgain ? this.#waiting : undefined;
    this.#waiting = [];
    return { reads, askAgain };
  }
}

/** What a leader knows of its stream. */
export interface Leadership {
  epoch: number;
  /** When the stream that the epoch began on was created. */
  streamCreatedAt: string;
  /** JetStream sequence up to which it is confirmed. */
  streamSeq: number;
}

/**
 * Whether the stream's end proves that no newer epoch has begun: it is the same stream, and its last event is
 * of our epoch. A stream whose events have all aged out still counts them.
 */
export function isStillOurs(
  { createdAt, message, streamSeq }: StreamEnd & { createdAt: string },
  leadership: Leadership,
): boolean {
  if (createdAt !== leadership.streamCreatedAt) return false;
  return message ? message.epoch === leadership.epoch : streamSeq === leadership.streamSeq;
}
