/** Requests that wait for a leader's next commit, within bounds. */
import { type AckLevel, DriftlessError, eventBytesBound, type WriteAnswer } from '@driftless/contracts';
import type { ShardLimits } from './context.ts';
import type { TracedRequest } from './traces.ts';

export interface Waiting {
  requests: readonly TracedRequest[];
  bytes: number;
  level: AckLevel;
  deadline: number;
  startedAt: number;
  resolve(answer: WriteAnswer): void;
  reject(error: DriftlessError): void;
}

type QueueLimits = Pick<ShardLimits, 'leaderQueueOpsMax' | 'eventOperationsMax' | 'eventBytesMax'>;

export class WriteQueue {
  readonly #limits: QueueLimits;
  #waiting: Waiting[] = [];
  #operations = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Somebody waits for no more than the commit itself. */
  get isUrgent(): boolean {
    return this.#waiting.some(({ level }) => level === 'leader');
  }

  /** Throws `overloaded`, and `value-too-large` where the request would not fit one event. */
  add(waiting: Omit<Waiting, 'bytes'>): void {
    const { requests } = waiting;
    if (this.#operations + requests.length > this.#limits.leaderQueueOpsMax) {
      throw new DriftlessError('overloaded', 'Too many writes wait for this shard.');
    }
    const bytes = requests.reduce(
      (sum, { operation, value }) => sum + eventBytesBound(operation, value.length),
      0,
    );
    if (bytes > this.#limits.eventBytesMax || requests.length > this.#limits.eventOperationsMax) {
      throw new DriftlessError('value-too-large', 'The request does not fit one event.');
    }
    this.#operations += requests.length;
    this.#waiting.push({ ...waiting, bytes });
  }

  /** The oldest requests that fit one event together. */
  take(): Waiting[] {
    const { eventOperationsMax, eventBytesMax } = this.#limits;
    let [count, operations, bytes] = [0, 0, 0];
    for (const waiting of this.#waiting) {
      operations += waiting.requests.length;
      bytes += waiting.bytes;
      if (count > 0 && (operations > eventOperationsMax || bytes > eventBytesMax)) break;
      count += 1;
    }
    return this.#remove(count);
  }

  /** All of them: none was begun. */
  clear(): Waiting[] {
    return this.#remove(this.#waiting.length);
  }

  #remove(count: number): Waiting[] {
    const removed = this.#waiting.splice(0, count);
    for (const { requests } of removed) this.#operations -= requests.length;
    return removed;
  }
}
