/**
 * A model of the store, small enough to be right: one shard, three nodes, a log, epochs. It turns a list of
 * steps into the history of a correct execution: operations of several clients overlap, answers are lost,
 * requests without an answer take effect late, followers lag, leaders fail and take provisional writes with
 * them, which come back as new operations or don't. Time is the number of the step.
 *
 * Whatever it makes, every checker must accept. Property tests draw the steps, so a failure shrinks to few
 * of them.
 */
import { type AckLevel, comparePositions, type Position, type ReadLevel } from '@driftless/contracts';
import fc from 'fast-check';
import type { EndEvent, HistoryEvent, InvokeEvent } from '../core/event.ts';

export type Step =
  /** Of the clients that are idle or under way; the number is taken modulo how many there are. */
  | { do: 'invoke'; client: number; what: What; key: number; ack: AckLevel; level: ReadLevel; by: number }
  | { do: 'work'; client: number; node: number }
  | { do: 'answer'; client: number; lost: boolean }
  | { do: 'late'; which: number }
  | { do: 'replicate'; node: number }
  | { do: 'failover'; restore: boolean };
type What = 'put' | 'delete' | 'get' | 'cas' | 'create';

const clients = 4;
const keys = ['r0', 'r1', 'c0'];
const nodes = ['node-0', 'node-1', 'node-2'];
const client = fc.nat(clients - 1);
const node = fc.nat(nodes.length - 1);

export const stepsArbitrary: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('invoke' as const),
        client,
        what: fc.constantFrom<What[]>('put', 'put', 'get', 'get', 'get', 'delete', 'cas', 'create'),
        key: fc.constantFrom(0, 0, 0, 1, 2),
        ack: fc.constantFrom<AckLevel[]>('stream', 'stream', 'majority', 'all', 'leader'),
        level: fc.constantFrom<ReadLevel[]>('session', 'session', 'strong', 'strong', 'eventual'),
        by: fc.constantFrom(1, 2, 5),
      }),
    },
    { weight: 10, arbitrary: fc.record({ do: fc.constant('work' as const), client, node }) },
    {
      weight: 10,
      arbitrary: fc.record({
        do: fc.constant('answer' as const),
        client,
        lost: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('late' as const), which: fc.nat(9) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('replicate' as const), node }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('failover' as const), restore: fc.boolean() }) },
  ),
  { maxLength: 240, size: 'max' },
);

interface Entry extends Position {
  key: string | undefined;
  value: string | null;
}

interface Request {
  id: number;
  call: InvokeEvent;
  client: number;
  /** What it will be answered, once it has been worked on. */
  result?: { end: EndEvent; judgedAt: number; epoch: number };
}

/** The history of a correct execution; it begins with the head. */
export function executed(steps: readonly Step[]): HistoryEvent[] {
  const store = new ModelStore();
  for (const step of steps) store.step(step);
  return store.finish();
}

class ModelStore {
  readonly #events: HistoryEvent[] = [{ type: 'history', format: 1, shards: 1 }];
  #log: Entry[] = [];
  /** Entries that the stream has. */
  #confirmed = 0;
  readonly #applied = [0, 0, 0];
  #leader = 0;
  #epoch = 0;
  /** How much of the log lasted when each epoch began. */
  readonly #kept = new Map<number, number>();
  readonly #busy = new Map<number, Request>();
  readonly #limbo: Request[] = [];
  readonly #floors = new Map<string, Position>();
  readonly #sessions = Array.from({ length: clients }, (_, client) => `s${client}`);
  #at = 0;
  #ids = 0;

  constructor() {
    this.#startEpoch();
    for (const node of nodes.keys()) this.#apply(node, 1);
  }

  step(step: Step): void {
    this.#at += 1;
    switch (step.do) {
      case 'invoke':
        this.#invoke(step);
        break;
      case 'work':
        this.#work(step);
        break;
      case 'answer':
        this.#answer(step);
        break;
      case 'late':
        for (const request of this.#limbo.splice(step.which, 1)) this.#write(request);
        break;
      case 'replicate':
        this.#apply(step.node, Math.min(this.#confirmed, (this.#applied[step.node] ?? 0) + 1));
        break;
      case 'failover':
        this.#failover(step.restore);
        break;
    }
  }

  finish(): HistoryEvent[] {
    this.#at += 1;
    this.#confirmed = this.#log.length;
    for (const [i, node] of nodes.entries()) {
      this.#apply(i, this.#confirmed);
      const position = this.#positionOf(i);
      const rows = keys.flatMap((key) => this.#held(i, key) ?? []);
      const dump = { type: 'dump' as const, id: node, at: this.#at, node, shard: 0, final: true, position };
      this.#events.push({ ...dump, rows: rows.length });
      for (const { key = '', value, epoch, seq } of rows) {
        this.#events.push({ type: 'row', dump: node, key, version: { epoch, seq }, value });
      }
      for (const { epoch, seq, value } of this.#log) {
        const batch = { type: 'log' as const, at: this.#at, node, shard: 0, epoch, digest: `${value}` };
        this.#events.push({ ...batch, firstSeq: seq, lastSeq: seq });
      }
    }
    return this.#events;
  }

  #invoke({ client, what, key: keyIndex, ack, level, by }: Step & { do: 'invoke' }): void {
    const idle = [...this.#sessions.keys()].filter((client) => !this.#busy.has(client));
    const caller = idle[client % idle.length];
    if (caller === undefined) return;
    this.#ids += 1;
    const id = this.#ids;
    const key = keys[keyIndex] as string;
    const session = this.#sessions[caller] as string;
    const base = { type: 'invoke' as const, id, at: this.#at, process: session, session, key };
    const put = { ...base, operation: 'put' as const, value: `v${id}`, ack };
    const known = this.#log.findLast((entry) => entry.key === key);
    const calls: Record<What, InvokeEvent> = {
      get: { ...base, operation: 'get', consistency: level },
      delete: { ...base, operation: 'delete', ack },
      put,
      create: { ...put, ifNoneMatch: '*' },
      cas: { ...put, ...(known && { ifMatch: [{ epoch: known.epoch, seq: known.seq }] }) },
    };
    const isCounted = key.startsWith('c') && what !== 'get';
    const call = isCounted ? { ...base, operation: 'increment' as const, by, ack } : calls[what];
    this.#events.push(call);
    this.#busy.set(caller, { id, call, client: caller });
  }

  #work({ client, node }: Step & { do: 'work' }): void {
    const waiting = [...this.#busy.values()].filter(({ result }) => result === undefined);
    const request = waiting[client % waiting.length];
    if (!request || this.#isToldOfRollback(request)) return;
    if (request.call.operation === 'get') this.#read(request, request.call, node);
    else this.#write(request);
  }

  /** What the session had seen is no part of the history any more: whatever it asks next tells it so. */
  #isToldOfRollback(request: Request): boolean {
    const { id, call, client } = request;
    const floor = this.#floors.get(call.session ?? '');
    if (!floor || this.#log.some((entry) => comparePositions(entry, floor) === 0)) return false;
    const end = { type: 'fail' as const, id, at: 0, error: 'rolled-back' };
    request.result = { end, judgedAt: 0, epoch: this.#epoch };
    this.#sessions[client] = `${call.session}+`;
    return true;
  }

  #write(request: Request): void {
    const { call, id } = request;
    if (call.operation === 'get' || call.operation === 'list') return;
    const { key } = call;
    const held = this.#held(this.#leader, key);
    const live = held?.value == null ? undefined : held;
    const judged = () => ({ judgedAt: this.#log.length, epoch: this.#epoch });
    const error = refusalOf(call, live);
    if (error) {
      request.result = { end: { type: 'fail', id, at: 0, error }, ...judged() };
      return;
    }
    const sum = call.operation === 'increment' ? String(Number(live?.value ?? '0') + call.by) : undefined;
    this.#append(key, call.operation === 'put' ? call.value : (sum ?? null));
    const version = this.#positionOf(this.#leader);
    const node = nodes[this.#leader] as string;
    const answer = { type: 'ok' as const, id, at: 0, node, version, position: version };
    request.result = { end: sum === undefined ? answer : { ...answer, value: sum }, ...judged() };
  }

  #read(request: Request, call: InvokeEvent & { operation: 'get' }, replica: number): void {
    const floor = this.#floors.get(call.session ?? '');
    let from = replica;
    if (call.consistency === 'strong') {
      this.#confirmed = this.#log.length;
      from = this.#leader;
    } else if (call.consistency === 'session' && floor) {
      const needed = this.#log.findIndex((entry) => comparePositions(entry, floor) === 0) + 1;
      if (needed > this.#confirmed) from = this.#leader;
      else this.#apply(from, Math.max(needed, this.#applied[from] ?? 0));
    }
    const held = this.#held(from, call.key);
    const answer = { type: 'ok' as const, id: request.id, at: 0, node: nodes[from] as string };
    const version = held?.value == null ? undefined : { epoch: held.epoch, seq: held.seq };
    const position = this.#positionOf(from);
    const end = { ...answer, position, value: held?.value ?? null, ...(version && { version }) };
    request.result = { end, judgedAt: 0, epoch: this.#epoch };
  }

  #answer({ client, lost }: Step & { do: 'answer' }): void {
    const busy = [...this.#busy.values()];
    const request = busy[client % busy.length];
    if (!request) return;
    this.#busy.delete(request.client);
    const { id, call, result } = request;
    const info: EndEvent = { type: 'info', id, at: this.#at };
    if (!result) {
      this.#limbo.push(request);
      this.#events.push(info);
      return;
    }
    const ack = 'ack' in call ? call.ack : undefined;
    const kept = this.#keptSince(result.epoch);
    const isCut = result.judgedAt > kept;
    const isProvisional = ack === 'leader';
    if (lost || (isCut && ack !== undefined && !isProvisional)) {
      const version = result.end.type === 'ok' && ack !== undefined ? result.end.version : undefined;
      this.#events.push(version && lost ? { ...info, version } : info);
      return;
    }
    if (ack !== undefined && !isProvisional) this.#secure(ack, result.judgedAt);
    this.#events.push({ ...result.end, at: this.#at });
    // Nothing has no version: what the session knows then is where the replica stood.
    const seen = result.end.type === 'ok' ? (result.end.version ?? result.end.position) : undefined;
    if (seen) this.#raise(call.session ?? '', seen);
  }

  #secure(ack: AckLevel, judgedAt: number): void {
    this.#confirmed = Math.max(this.#confirmed, judgedAt);
    const followers = nodes.flatMap((_, i) => (i === this.#leader ? [] : [i]));
    const needed = ack === 'all' ? followers : ack === 'majority' ? followers.slice(0, 1) : [];
    for (const i of needed) this.#apply(i, Math.max(judgedAt, this.#applied[i] ?? 0));
  }

  #raise(session: string, version: Position): void {
    const floor = this.#floors.get(session);
    if (!floor || comparePositions(floor, version) < 0) this.#floors.set(session, version);
  }

  /** The shortest that the log was cut to since an epoch. */
  #keptSince(epoch: number): number {
    const cuts = [...this.#kept].flatMap(([later, kept]) => (later > epoch ? [kept] : []));
    return Math.min(Number.POSITIVE_INFINITY, ...cuts);
  }

  #failover(restore: boolean): void {
    const orphans = this.#log.splice(this.#confirmed);
    const deposed = this.#leader;
    this.#leader = (deposed + 1) % nodes.length;
    this.#apply(this.#leader, this.#confirmed);
    this.#applied[deposed] = Math.min(this.#applied[deposed] ?? 0, this.#confirmed);
    this.#startEpoch();
    for (const key of new Set(orphans.map(({ key }) => key))) {
      const held = key === undefined ? undefined : this.#held(deposed, key);
      if (held) this.#observe(deposed, held);
      const orphan = orphans.findLast((entry) => entry.key === key);
      if (restore && key !== undefined && orphan) this.#append(key, orphan.value);
    }
  }

  #startEpoch(): void {
    this.#epoch += 1;
    this.#kept.set(this.#epoch, this.#log.length);
    this.#append(undefined, null);
    this.#confirmed = this.#log.length;
    const epoch = {
      type: 'epoch' as const,
      at: this.#at,
      shard: 0,
      epoch: this.#epoch,
      firstSeq: this.#log.length,
    };
    for (const node of nodes) this.#events.push({ ...epoch, node, leader: nodes[this.#leader] as string });
  }

  #append(key: string | undefined, value: string | null): void {
    this.#log.push({ epoch: this.#epoch, seq: this.#log.length + 1, key, value });
    this.#apply(this.#leader, this.#log.length);
  }

  #apply(node: number, upTo: number): void {
    for (let i = this.#applied[node] ?? 0; i < upTo; i += 1) {
      this.#applied[node] = i + 1;
      this.#observe(node, this.#log[i] as Entry);
      const position = this.#positionOf(node);
      this.#events.push({ type: 'applied', at: this.#at, node: nodes[node] as string, shard: 0, position });
    }
  }

  #observe(node: number, { key, value, epoch, seq }: Entry): void {
    if (key === undefined) return;
    const seen = { type: 'observed' as const, at: this.#at, node: nodes[node] as string, key, value };
    this.#events.push({ ...seen, version: { epoch, seq } });
  }

  #held(node: number, key: string): Entry | undefined {
    return this.#log.slice(0, this.#applied[node]).findLast((entry) => entry.key === key);
  }

  #positionOf(node: number): Position {
    const { epoch, seq } = this.#log[(this.#applied[node] ?? 0) - 1] as Entry;
    return { epoch, seq };
  }
}

function refusalOf(
  call: InvokeEvent & { operation: 'put' | 'delete' | 'increment' },
  live: Entry | undefined,
): string | undefined {
  const { ifMatch, ifNoneMatch } = call;
  const isAt = (versions: '*' | Position[]) =>
    live !== undefined &&
    (versions === '*' || versions.some((version) => comparePositions(version, live) === 0));
  if (ifMatch && !isAt(ifMatch)) return 'precondition-failed';
  if (ifNoneMatch && isAt(ifNoneMatch)) return 'precondition-failed';
  return call.operation === 'delete' && !live ? 'key-not-found' : undefined;
}
