/**
 * Publishes that JetStream answers, whose answers come over one inbox. The client library has such a call;
 * but for each it makes a timer, five promises and an error with its stack, which cost a leader more than the
 * event does. Here a publish costs a promise and an entry in a table, and one timer serves all.
 */
import { type Clock, Unanswered } from '@driftless/runtime';
import { type ApiError, JetStreamApiError } from '@nats-io/jetstream';
import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';

interface Waiting {
  deadline: number;
  resolve(streamSeq: number): void;
  reject(error: Error): void;
}

export class AckedPublisher {
  readonly #connection: NatsConnection;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #inbox = `${createInbox()}.`;
  /** By the last part of the subject that the answer comes under; the oldest first. */
  readonly #waiting = new Map<string, Waiting>();
  #published = 0;
  #callOff: (() => void) | undefined;

  /** `timeoutMs`: how long an answer may take. */
  constructor(connection: NatsConnection, clock: Clock, timeoutMs: number) {
    this.#connection = connection;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    const answers = connection.subscribe(`${this.#inbox}*`, {
      callback: (error, message) => (error ? this.#giveUpAll(error.message) : this.#answered(message)),
    });
    void answers.closed.then(() => this.#giveUpAll('The connection is closed.'));
  }

  /**
   * The sequence that it has in the stream. Rejects with `JetStreamApiError` when JetStream refused it, else
   * with `Unanswered`: then it may have come through.
   */
  publish(subject: string, payload: Uint8Array, headers: MsgHdrs): Promise<number> {
    this.#published += 1;
    const name = String(this.#published);
    return new Promise((resolve, reject) => {
      this.#connection.publish(subject, payload, { reply: this.#inbox + name, headers });
      this.#waiting.set(name, { deadline: this.#clock.monotonic() + this.#timeoutMs, resolve, reject });
      this.#callOff ??= this.#clock.after(this.#timeoutMs, () => this.#giveUpLate());
    });
  }

  #answered(message: Msg): void {
    const name = message.subject.slice(this.#inbox.length);
    const waiting = this.#waiting.get(name);
    if (waiting === undefined) return;
    this.#waiting.delete(name);
    try {
      waiting.resolve(streamSeqOf(message));
    } catch (error) {
      waiting.reject(error as Error);
    }
  }

  #giveUpLate(): void {
    this.#callOff = undefined;
    const now = this.#clock.monotonic();
    for (const [name, { deadline, reject }] of this.#waiting) {
      if (deadline > now) {
        this.#callOff = this.#clock.after(deadline - now, () => this.#giveUpLate());
        return;
      }
      this.#waiting.delete(name);
      reject(new Unanswered(`No answer within ${this.#timeoutMs} ms.`));
    }
  }

  #giveUpAll(reason: string): void {
    this.#callOff?.();
    this.#callOff = undefined;
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of all) reject(new Unanswered(reason));
  }
}

function streamSeqOf(message: Msg): number {
  // NATS itself answers so, where nobody listens.
  if (message.data.length === 0) throw new Unanswered('No stream takes this subject.');
  const { error, seq } = message.json<{ error?: ApiError; seq?: number }>();
  if (error) throw new JetStreamApiError(error);
  if (seq === undefined) throw new Unanswered('The answer is none of JetStream.');
  return seq;
}
