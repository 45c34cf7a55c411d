/**
 * The leader's planning of a batch (SPEC.md, P1–P5): requests that wait become operations of one transaction,
 * each judged on the state that the ones before it lead to. An operation says the resulting state, never how
 * it was asked for, so every replica comes to the same. A refused request makes no operation, unless it
 * carries an idempotency id: then its answer is logged, so that a retry gets the same one, from whoever leads
 * then.
 */
import {
  type Batch,
  counterAbsMax,
  formatPosition,
  type Operation,
  type Position,
  type RecordedAnswer,
  type WriteOperation,
  type WriteResult,
  writeResultSchema,
  xorDigest,
} from '@driftless/contracts';
import { type Effect, effectOf } from './change.ts';
import { type Entry, emptyValue, type Head, isVisible, type Lookup } from './entry.ts';
import { isBrokenBy } from './mutants.ts';
import type { ShardState } from './state.ts';

/** One request: what is asked, and the value's bytes of a `put`. */
export interface WriteRequest {
  operation: WriteOperation;
  value: Uint8Array;
}

export interface PlannedResult {
  result: WriteResult;
  /** The shard must be confirmed up to this seq before the answer holds. */
  seq: number;
}

export interface Plan {
  /** Undefined when no request led to an operation. */
  batch: Batch | undefined;
  effect: Effect;
  /** In the order of the requests. */
  results: PlannedResult[];
}

export interface PlanInput {
  requests: readonly WriteRequest[];
  shard: number;
  epoch: number;
  state: ShardState;
  lookup: Lookup;
  /** The whole row, for a request that builds on its value. */
  row: (key: string) => Entry | undefined;
  /** The answer kept under an idempotency id. */
  answerOf: (id: string) => RecordedAnswer | undefined;
  /** Wall clock, milliseconds since the Unix epoch. */
  now: number;
}

export function planBatch(input: PlanInput): Plan {
  const { shard, epoch, state, now } = input;
  const planner = new Planner(input);
  const results = input.requests.map((request) => planner.plan(request));
  const ops = planner.ops;
  const effect = effectOf(ops, epoch, state.applied.seq + 1, planner.lookup);
  if (ops.length === 0) return { batch: undefined, effect, results };
  const roots = { prevRoot: state.root, postRoot: xorDigest(state.root, effect.leafXors.root()) };
  const batch: Batch = { shard, epoch, firstSeq: state.applied.seq + 1, ops, committedAt: now, ...roots };
  return { batch, effect, results };
}

type Refusal = Pick<WriteResult, 'error' | 'detail' | 'version'>;
type Decision =
  | { operation: Operation & { op: 'put' | 'delete' }; result: Omit<WriteResult, 'version'> }
  | Refusal;

/** What a key holds, as the requests before this one leave it. */
interface Held extends Position {
  visible: boolean;
}

/** With the value, for a request that builds on it. */
interface HeldWhole extends Held {
  value: Uint8Array;
}

class Planner {
  readonly ops: Operation[] = [];
  readonly #input: PlanInput;
  readonly #held = new Map<string, HeldWhole>();
  readonly #rows = new Map<string, Entry | Head | undefined>();
  readonly #answers = new Map<string, RecordedAnswer>();

  constructor(input: PlanInput) {
    this.#input = input;
  }

  /** The store's row, read once a batch. */
  readonly lookup: Lookup = (key) => {
    if (this.#rows.has(key)) return this.#rows.get(key);
    const row = this.#input.lookup(key);
    this.#rows.set(key, row);
    return row;
  };

  plan(request: WriteRequest): PlannedResult {
    const { idempotency } = request.operation;
    const earlier =
      idempotency && (this.#answers.get(idempotency.id) ?? this.#input.answerOf(idempotency.id));
    if (idempotency && earlier && !isBrokenBy('skip-deduplication'))
      return this.#waiting(replay(earlier, idempotency.fingerprint));
    const decision = this.#decide(request);
    const result = 'operation' in decision ? this.#accept(decision, idempotency) : decision;
    if (idempotency && !idempotency.onBehalf && !('operation' in decision)) {
      this.ops.push({ op: 'answer', answer: this.#record(idempotency, result) });
    }
    return this.#waiting(result);
  }

  get #lastSeq(): number {
    return this.#input.state.applied.seq + this.ops.length;
  }

  /** An answer holds once everything it was judged on is confirmed. */
  #waiting(result: WriteResult): PlannedResult {
    return { result, seq: this.#lastSeq };
  }

  #record({ id, fingerprint }: { id: string; fingerprint: string }, result: WriteResult): RecordedAnswer {
    const answer: RecordedAnswer = { id, fingerprint, result };
    this.#answers.set(answer.id, answer);
    return answer;
  }

  #accept(
    decision: Extract<Decision, { operation: Operation }>,
    idempotency: { id: string; fingerprint: string } | undefined,
  ): WriteResult {
    const { operation } = decision;
    const position: Position = { epoch: this.#input.epoch, seq: this.#lastSeq + 1 };
    const result: WriteResult = { ...decision.result, version: formatPosition(position) };
    this.ops.push(idempotency ? { ...operation, answer: this.#record(idempotency, result) } : operation);
    this.#held.set(operation.key, {
      ...position,
      visible: operation.op === 'put',
      value: operation.op === 'put' ? operation.value : emptyValue,
    });
    return result;
  }

  #holds(key: string): Held | undefined {
    const held = this.#held.get(key);
    if (held) return held;
    const row = this.lookup(key);
    return row && this.#heldIn(row);
  }

  /** The row is read from the disk, so the change finds out when it has rotted. */
  #holdsWhole(key: string): HeldWhole | undefined {
    const held = this.#held.get(key);
    if (held) return held;
    const row = this.#input.row(key);
    this.#rows.set(key, row);
    return row && { ...this.#heldIn(row), value: row.value };
  }

  #heldIn(row: Head): Held {
    return { epoch: row.epoch, seq: row.seq, visible: isVisible(row, this.#input.now) };
  }

  #decide({ operation, value }: WriteRequest): Decision {
    const { key } = operation;
    const whole = operation.op === 'increment' ? this.#holdsWhole(key) : undefined;
    const held = whole ?? this.#holds(key);
    const current = held?.visible ? held : undefined;
    const writtenIn = held?.epoch ?? this.#input.state.collected.epoch;
    const refusal = unmetCondition(operation, current, writtenIn);
    if (refusal) return refusal;
    switch (operation.op) {
      case 'put':
        return this.#put(operation, value, current);
      case 'delete':
        if (!current) return { error: 'key-not-found', detail: 'There is nothing to delete.' };
        return { operation: { op: 'delete', key: operation.key }, result: {} };
      case 'increment':
        return increment(operation, whole?.visible ? whole : undefined);
    }
  }

  #put(
    operation: Extract<WriteOperation, { op: 'put' }>,
    value: Uint8Array,
    current: Held | undefined,
  ): Decision {
    const { key, type: contentType, ttlSeconds } = operation;
    const expiresAt = ttlSeconds === undefined ? null : this.#input.now + Math.round(ttlSeconds * 1000);
    return { operation: { op: 'put', key, value, contentType, expiresAt }, result: { created: !current } };
  }
}

const counterType = 'application/json';

function replay(earlier: RecordedAnswer, fingerprint: string): WriteResult {
  if (earlier.fingerprint !== fingerprint) {
    return {
      error: 'idempotency-key-reused',
      detail: 'This Idempotency-Key came with another request before.',
    };
  }
  return { ...writeResultSchema.parse(earlier.result), replayed: true };
}

/** `writtenIn`: the latest epoch in which the key may have been written. */
function unmetCondition(
  operation: WriteOperation,
  current: Held | undefined,
  writtenIn: number,
): Refusal | undefined {
  const { ifMatch, ifNoneMatch, unwrittenSince } = operation;
  if (ifMatch === undefined && ifNoneMatch === undefined && unwrittenSince === undefined) return undefined;
  const at = versionOf(current);
  const is = (versions: '*' | string[]): boolean =>
    at !== undefined && (versions === '*' || versions.includes(at.version));
  if (ifMatch !== undefined && !is(ifMatch)) {
    return { error: 'precondition-failed', detail: `If-Match: the key is ${describe(at)}.`, ...at };
  }
  if (ifNoneMatch !== undefined && is(ifNoneMatch)) {
    return { error: 'precondition-failed', detail: `If-None-Match: the key is ${describe(at)}.`, ...at };
  }
  if (unwrittenSince !== undefined && writtenIn > unwrittenSince.epoch) {
    const since = formatPosition(unwrittenSince);
    const detail = `The key may have been written in epoch ${writtenIn}, after ${since}.`;
    return { error: 'precondition-failed', detail, ...at };
  }
  return undefined;
}

/** As an answer tells it. */
function versionOf(held: Held | undefined): { version: string } | undefined {
  return held && { version: formatPosition(held) };
}

function describe(at: { version: string } | undefined): string {
  return at ? `at version "${at.version}"` : 'not there';
}

function increment(
  operation: Extract<WriteOperation, { op: 'increment' }>,
  current: HeldWhole | undefined,
): Decision {
  const before = current ? counterValue(current.value) : 0;
  const at = versionOf(current);
  if (before === undefined) {
    return { error: 'not-a-counter', detail: 'The value under this key is not an integer in JSON.', ...at };
  }
  const value = before + operation.by;
  if (Math.abs(value) > counterAbsMax) {
    return {
      error: 'counter-overflow',
      detail: `${before} + ${operation.by} is not an exact integer.`,
      ...at,
    };
  }
  const bytes = new TextEncoder().encode(String(value));
  const put = {
    op: 'put' as const,
    key: operation.key,
    value: bytes,
    contentType: counterType,
    expiresAt: null,
  };
  return { operation: put, result: { value, created: !current } };
}

function counterValue(bytes: Uint8Array): number | undefined {
  const text = new TextDecoder().decode(bytes);
  if (!/^(0|-?[1-9]\d{0,15})$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}
