/** One client of the traffic: what it does next, and to which key. */
import { type AckLevel, shardOf } from '@driftless/contracts';
import type { Outcome, RecordedClient, RecordedWrite } from '../checkers/recorded-client.ts';
import type { Random } from './random.ts';
import type { OperationName } from './traffic.ts';

export interface WorkerParts {
  client: RecordedClient;
  name: string;
  shard: number;
  shardCount: number;
  /** Which of its shard's workers it is. */
  number: number;
  mix: Readonly<Partial<Record<OperationName, number>>>;
  acks: Readonly<Partial<Record<AckLevel, number>>>;
  random: Random;
}

/** Kinds of hot keys: only put; put and deleted; changed under conditions; counters. */
type HotKind = 'plain' | 'mortal' | 'checked' | 'counter';

/** Workers that share a hot key of a kind. */
const sharing: Record<HotKind, number> = { plain: 4, mortal: 3, checked: 3, counter: 3 };
/** Operations of one worker on a hot key, after which it goes on to a fresh one. */
const turnsMax = 24;
/** Such turns that an operation without an answer costs, so that few of those come together on one key. */
const turnsOfDoubt = 8;
const stalenessMsMax = 2_000;

interface HotKey {
  key: string;
  turns: number;
  generation: number;
  /** Last version seen. */
  version?: string | undefined;
}

export class Worker {
  readonly #parts: WorkerParts;
  readonly #hot = new Map<HotKind, HotKey>();
  #count = 0;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
  }

  get shard(): number {
    return this.#parts.shard;
  }

  /** Whether a write was acknowledged at a level that proves the shard to be at work again. */
  async work(): Promise<boolean> {
    const { random, mix, acks } = this.#parts;
    this.#count += 1;
    const ack = random.weighted(acks);
    const operation = random.weighted(mix);
    const outcome = await this.#perform(operation, { ack });
    return outcome.type === 'ok' && ack !== 'leader' && isWrite(operation);
  }

  #perform(operation: OperationName, write: RecordedWrite): Promise<Outcome> {
    const { client, name } = this.#parts;
    switch (operation) {
      case 'putOwn':
        return client.put(this.#keyIn(`${name}/own/${this.#id}`), this.#value, write);
      case 'putHot':
        return this.#turn('plain', ({ key }) => client.put(key, this.#value, write));
      case 'live':
        return this.#turn('mortal', ({ key }) =>
          this.#parts.random.next() < 0.4 ? client.delete(key, write) : client.put(key, this.#value, write),
        );
      case 'update':
        return this.#turn('checked', ({ key, version }) => {
          const condition = version === undefined ? { ifNoneMatch: '*' } : { ifMatch: version };
          return client.put(key, this.#value, { ...write, ...condition });
        });
      case 'increment':
        return this.#turn('counter', ({ key }) => client.increment(key, this.#by, write));
      case 'list':
        return client.list(`${name}/hot/`, { consistency: 'eventual' });
      case 'bounded':
        return this.#read({ consistency: operation, maxStalenessMs: stalenessMsMax });
      default:
        return this.#read({ consistency: operation });
    }
  }

  #read(options: Parameters<RecordedClient['get']>[1]): Promise<Outcome> {
    const kind = this.#parts.random.pick(['plain', 'mortal', 'checked', 'counter'] as const);
    return this.#turn(kind, ({ key }) => this.#parts.client.get(key, options));
  }

  /** One operation on the worker's hot key of that kind, which it learns from. */
  async #turn(kind: HotKind, operate: (key: HotKey) => Promise<Outcome>): Promise<Outcome> {
    const hot = this.#hotKey(kind);
    hot.turns += 1;
    const outcome = await operate(hot);
    if (outcome.type === 'info') hot.turns += turnsOfDoubt;
    // A refused condition tells the version that it met; a key that is gone has none.
    if (outcome.version !== undefined) hot.version = outcome.version;
    else if (outcome.error === 'key-not-found') hot.version = undefined;
    return outcome;
  }

  #hotKey(kind: HotKind): HotKey {
    const held = this.#hot.get(kind);
    if (held && held.turns < turnsMax) return held;
    const { name, number } = this.#parts;
    const group = Math.floor(number / sharing[kind]);
    const generation = (held?.generation ?? 0) + 1;
    const key = this.#keyIn(`${name}/hot/${kind}${group}/${generation}`);
    const fresh = { key, turns: 0, generation };
    this.#hot.set(kind, fresh);
    return fresh;
  }

  /** Unique among all workers of the traffic. */
  get #id(): string {
    const { shard, number } = this.#parts;
    return `${shard}.${number}.${this.#count}`;
  }

  get #value(): string {
    return `v${this.#id}`;
  }

  get #by(): number {
    return this.#parts.random.pick([1, 1, 1, 2, 5, -1]);
  }

  /** A key that begins so, and is of the worker's shard. */
  #keyIn(start: string): string {
    const { shard, shardCount } = this.#parts;
    for (let suffix = 0; ; suffix += 1) {
      const key = `${start}~${suffix}`;
      if (shardOf(key, shardCount) === shard) return key;
    }
  }
}

const writes: readonly OperationName[] = ['putOwn', 'putHot', 'live', 'update', 'increment'];

function isWrite(operation: OperationName): boolean {
  return writes.includes(operation);
}
