/**
 * For tests: arbitrary requests on few keys, so that they meet; and the naive model of what requests do,
 * written without a look at the core: a map, a counter, and the answers given so far.
 */
import type { WriteOperation, WriteResult } from '@driftless/contracts';
import fc from 'fast-check';
import type { WriteRequest } from '../core/plan.ts';
import { bytes, text } from './replica.ts';

const key = fc.constantFrom('a', 'b', 'counter', 'ß', '😀');
const value = fc.constantFrom('', '0', '41', '-7', 'text', '9007199254740991');
const versions = fc.oneof(
  fc.constant('*' as const),
  fc.uniqueArray(
    fc.nat(12).map((seq) => `1-${seq}`),
    { maxLength: 6 },
  ),
);
const id = fc.constantFrom('first', 'second', 'third');
const idempotency = fc.record({ id, fingerprint: fc.constantFrom('x', 'x', 'y') });
const sometimes = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 4 });

export const anyRequest: fc.Arbitrary<WriteRequest> = fc
  .record({
    op: fc.constantFrom('put', 'put', 'delete', 'increment'),
    key,
    value,
    by: fc.integer({ min: -3, max: 3 }),
    ttlSeconds: sometimes(fc.integer({ min: 1, max: 3 })),
    ifMatch: sometimes(versions),
    ifNoneMatch: sometimes(versions),
    idempotency: sometimes(idempotency),
  })
  .map(({ op, key, value, by, ttlSeconds, ifMatch, ifNoneMatch, idempotency }) => {
    const conditions = {
      ...(ifMatch && { ifMatch }),
      ...(ifNoneMatch && { ifNoneMatch }),
      ...(idempotency && { idempotency }),
    };
    const length = bytes(value).length;
    const ttl = ttlSeconds && { ttlSeconds };
    if (op === 'put') {
      const operation = { op, key, bytes: length, type: 't', ...ttl, ...conditions } as const;
      return { operation, value: bytes(value) };
    }
    const operation: WriteOperation =
      op === 'delete' ? { op, key, ...conditions } : { op: 'increment', key, by, ...conditions };
    return { operation, value: bytes('') };
  });

interface ModelEntry {
  version: string;
  seq: number;
  /** Undefined: a tombstone. */
  value: string | undefined;
  expiresAt: number;
}

/** What requests do, in epoch 1, one after the other. */
export class NaiveModel {
  readonly entries = new Map<string, ModelEntry>();
  readonly #answers = new Map<string, { fingerprint: string; result: WriteResult }>();
  seq: number;

  constructor(seq: number) {
    this.seq = seq;
  }

  ask({ operation, value }: WriteRequest, now: number): WriteResult {
    const { idempotency } = operation;
    const earlier = idempotency && this.#answers.get(idempotency.id);
    if (earlier && earlier.fingerprint !== idempotency.fingerprint) {
      return { error: 'idempotency-key-reused' };
    }
    if (earlier) return { ...earlier.result, replayed: true };
    const result = this.#try(operation, text(value), now);
    if (idempotency) {
      if (result.error) this.seq += 1;
      this.#answers.set(idempotency.id, { fingerprint: idempotency.fingerprint, result });
    }
    return result;
  }

  #try(operation: WriteOperation, value: string, now: number): WriteResult {
    const { key, ifMatch, ifNoneMatch } = operation;
    const kept = this.entries.get(key);
    const there = kept !== undefined && kept.value !== undefined && kept.expiresAt > now ? kept : undefined;
    const at = there && { version: there.version };
    if (ifMatch && !(there && (ifMatch === '*' || ifMatch.includes(there.version)))) {
      return { error: 'precondition-failed', ...at };
    }
    if (ifNoneMatch && there && (ifNoneMatch === '*' || ifNoneMatch.includes(there.version))) {
      return { error: 'precondition-failed', ...at };
    }
    if (operation.op === 'delete') {
      return there ? { version: this.#set(key, undefined) } : { error: 'key-not-found' };
    }
    if (operation.op === 'put') {
      const { ttlSeconds } = operation;
      const expiresAt = ttlSeconds ? now + ttlSeconds * 1000 : Number.POSITIVE_INFINITY;
      return { version: this.#set(key, value, expiresAt), created: !there };
    }
    const before = there ? Number(there.value || 'none') : 0;
    if (!Number.isSafeInteger(before)) return { error: 'not-a-counter', ...at };
    const sum = before + operation.by;
    if (!Number.isSafeInteger(sum)) return { error: 'counter-overflow', ...at };
    return { version: this.#set(key, String(sum)), value: sum, created: !there };
  }

  #set(key: string, value: string | undefined, expiresAt = Number.POSITIVE_INFINITY): string {
    this.seq += 1;
    const version = `1-${this.seq}`;
    this.entries.set(key, { version, seq: this.seq, value, expiresAt });
    return version;
  }
}
