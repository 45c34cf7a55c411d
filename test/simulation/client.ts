/**
 * A client: does its operations one after the other, carries its session's token from answer to answer, sends
 * what nobody answered again under its `Idempotency-Key`, and records what it asked and was told.
 */
import {
  DriftlessError,
  type ErrorCode,
  type ReadLevel,
  type WriteOperation,
  type WriteResult,
} from '@driftless/contracts';
import type { Session, Written } from '@driftless/gateway/simulation';
import type { Random } from '../harness/random.ts';
import type { Gateway } from './cluster.ts';
import type { ClientOperation } from './plan.ts';
import { positionOf, type Recorder } from './recorder.ts';
import type { World } from './world.ts';

const attemptsMax = 3;
const retryMs = { least: 20, most: 1500 };
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const noBytes = new Uint8Array(0);
const sessionHeader = 'driftless-session';

/** What a write that did nothing, now and later, is told. */
const refusals: ReadonlySet<ErrorCode> = new Set([
  'precondition-failed',
  'key-not-found',
  'not-a-counter',
  'counter-overflow',
  'session-rolled-back',
  'session-behind',
  'no-leader',
  'not-leader',
  'replica-unavailable',
  'shutting-down',
  'overloaded',
]);
/** Those after which it may be sent again, and something else may come of it. */
const passing: ReadonlySet<ErrorCode> = new Set([
  'no-leader',
  'not-leader',
  'replica-unavailable',
  'overloaded',
]);

export class Client {
  readonly name: string;
  readonly #world: World;
  readonly #gateways: readonly Gateway[];
  readonly #recorder: Recorder;
  readonly #random: Random;
  readonly #waiting: { operation: ClientOperation; id: number }[] = [];
  /** Version last seen of each key. */
  readonly #seen = new Map<string, string>();
  #token: string | undefined;
  #sessions = 1;
  #busy = false;
  /** Operations that ended with an answer. */
  answered = 0;

  constructor(name: string, world: World, gateways: readonly Gateway[], recorder: Recorder) {
    this.name = name;
    this.#world = world;
    this.#gateways = gateways;
    this.#recorder = recorder;
    this.#random = world.random.fork(name);
  }

  get isIdle(): boolean {
    return !this.#busy && this.#waiting.length === 0;
  }

  ask(operation: ClientOperation, id: number): void {
    this.#waiting.push({ operation, id });
    if (!this.#busy) void this.#work();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      const { operation, id } = next;
      if (operation.kind === 'get') await this.#get(operation, id);
      else if (operation.kind === 'list') await this.#list(operation, id);
      else await this.#write(operation, id);
    }
    this.#busy = false;
  }

  get #gateway(): Gateway {
    return this.#random.pick(this.#gateways);
  }

  /** One request with the session's token. */
  async #inSession<T>(ask: (gateway: Gateway, session: Session) => Promise<T>, keeps = true): Promise<T> {
    const gateway = this.#gateway;
    const token = keeps ? (this.#token ?? '') : '';
    const session = gateway.sessions.of({ headers: { [sessionHeader]: token } } as never);
    const answered = await ask(gateway, session).finally(() => {
      const reply = { header: (_name: string, value: string) => (this.#token = value) };
      if (keeps) gateway.sessions.tell(reply as never, session);
    });
    await new Promise<void>((resolve) => this.#world.after(this.#random.between(0.1, 2), resolve));
    return answered;
  }

  get #session(): string {
    return `${this.name}#${this.#sessions}`;
  }

  #begin(id: number, keeps = true) {
    const { now: at } = this.#recorder;
    const session = keeps ? { session: this.#session } : {};
    return { type: 'invoke' as const, id, at, process: this.name, ...session };
  }

  /** The session was told that what it had seen is gone: it goes on as another one. */
  #learnLoss(error: ErrorCode | undefined): void {
    if (error === 'session-rolled-back') this.#sessions += 1;
  }

  async #get({ key, level = 'eventual' }: ClientOperation, id: number): Promise<void> {
    const keeps = isInSession(level);
    this.#recorder.add({ ...this.#begin(id, keeps), operation: 'get', key, consistency: level });
    const outcome = await this.#inSession(({ store }, session) => store.read(key, { level }, session), keeps);
    const { now: at } = this.#recorder;
    if (outcome.type === 'failed') {
      this.#recorder.add({ type: 'fail', id, at, error: outcome.code });
      this.#learnLoss(outcome.code);
      return;
    }
    this.answered += 1;
    const { node, standing } = outcome;
    const found = outcome.type === 'found';
    // Of what is not there an answer says no version.
    const version = found ? outcome.entry.version : undefined;
    if (version !== undefined) this.#seen.set(key, version);
    this.#recorder.add({
      type: 'ok',
      id,
      at,
      node,
      version: positionOf(version),
      position: standing?.position,
      value: found ? decoder.decode(outcome.value) : null,
    });
  }

  async #list({ key: prefix, level = 'eventual' }: ClientOperation, id: number): Promise<void> {
    const keeps = isInSession(level);
    this.#recorder.add({ ...this.#begin(id, keeps), operation: 'list', prefix, consistency: level });
    try {
      const request = { prefix, after: '', limit: 100, values: true, asked: { level } };
      const page = await this.#inSession(({ store }, session) => store.list(request, session), keeps);
      const entries = page.entries.map(({ key, version, value }) => {
        return { key, version: positionOf(version), value: decoder.decode(value) };
      });
      this.answered += 1;
      this.#recorder.add({ type: 'ok', id, at: this.#recorder.now, entries });
    } catch (error) {
      if (!(error instanceof DriftlessError)) throw error;
      this.#recorder.add({ type: 'fail', id, at: this.#recorder.now, error: error.code });
      this.#learnLoss(error.code);
    }
  }

  async #write(asked: ClientOperation, id: number): Promise<void> {
    const { key, ack = 'stream', kind, value = '', by = 1, ttlSeconds } = asked;
    const only = this.#conditionOf(asked);
    const begin = { ...this.#begin(id), key, ack, ...historyOf(only) };
    if (kind === 'put') {
      const ttl = ttlSeconds === undefined ? {} : { ttlMs: ttlSeconds * 1000 };
      this.#recorder.add({ ...begin, operation: 'put', value, ...ttl });
    } else if (kind === 'delete') this.#recorder.add({ ...begin, operation: 'delete' });
    else this.#recorder.add({ ...begin, operation: 'increment', by });
    const idempotency = asked.idempotent
      ? { idempotency: { id: `${this.name}/${id}`, fingerprint: `${id}` } }
      : {};
    const bytes = kind === 'put' ? encoder.encode(value) : noBytes;
    const operation: WriteOperation =
      kind === 'put'
        ? {
            op: 'put',
            key,
            bytes: bytes.length,
            type: 'text/plain',
            ...(ttlSeconds !== undefined && { ttlSeconds }),
            ...only,
            ...idempotency,
          }
        : kind === 'delete'
          ? { op: 'delete', key, ...only, ...idempotency }
          : { op: 'increment', key, by, ...idempotency };
    let inDoubt = false;
    for (let attempt = 1; ; attempt += 1) {
      const written = await this.#inSession(({ store }, session) =>
        store.write(ack, { operation, value: bytes }, session),
      );
      const result = written.results[0] ?? {};
      const { error } = result;
      const isLast = attempt === attemptsMax || !asked.idempotent;
      if (!isLast && error !== undefined && (error === 'indeterminate' || passing.has(error))) {
        inDoubt ||= error === 'indeterminate';
        await new Promise<void>((resolve) =>
          this.#world.after(this.#random.between(retryMs.least, retryMs.most), resolve),
        );
        continue;
      }
      this.#end(asked, id, written, result, inDoubt);
      return;
    }
  }

  #end(asked: ClientOperation, id: number, { node }: Written, result: WriteResult, inDoubt: boolean): void {
    const { now: at } = this.#recorder;
    const { error, value } = result;
    const version = positionOf(result.version);
    this.#learnLoss(error);
    if (error === undefined) {
      this.answered += 1;
      if (result.version !== undefined) this.#seen.set(asked.key, result.version);
      const counter = value === undefined ? {} : { value: String(value) };
      // A replay is the first answer again, which another node may have given.
      const server = result.replayed || node === undefined ? {} : { node };
      this.#recorder.add({ type: 'ok', id, at, ...server, version, ...counter });
      return;
    }
    const mayBeDone = inDoubt && (passing.has(error) || error.startsWith('session-'));
    if (refusals.has(error) && !mayBeDone) {
      if (!passing.has(error)) this.answered += 1;
      this.#recorder.add({ type: 'fail', id, at, error });
    } else this.#recorder.add({ type: 'info', id, at, error, version });
  }

  #conditionOf({ only, key }: ClientOperation): { ifMatch?: string[] | '*'; ifNoneMatch?: '*' } {
    const last = this.#seen.get(key);
    if (only === 'any') return { ifMatch: '*' };
    if (only === 'none') return { ifNoneMatch: '*' };
    return only === 'last' && last !== undefined ? { ifMatch: [last] } : {};
  }
}

/**
 * An eventual read stands outside of the session: a replica may show it what a later epoch, which the session
 * knows, has rolled back, and nobody could tell it so.
 */
function isInSession(level: ReadLevel): boolean {
  return level !== 'eventual';
}

function historyOf({ ifMatch, ifNoneMatch }: { ifMatch?: string[] | '*'; ifNoneMatch?: '*' }) {
  const versions = Array.isArray(ifMatch) ? ifMatch.flatMap((one) => positionOf(one) ?? []) : ifMatch;
  return { ...(versions && { ifMatch: versions }), ...(ifNoneMatch && { ifNoneMatch }) };
}
