/**
 * Makes a history of events, one at a time, so that a file of any length is read as a stream. It refuses
 * what can't have happened (an end without a beginning, an id used twice): a checker that judges a broken
 * recording would only invent verdicts.
 */
import { type AckLevel, ackLevelDefault } from '@driftless/contracts';
import { arrange, HistoryError, type Listing } from './arrange.ts';
import { levelsLostBy } from './durability.ts';
import { decodeEvent, type EndEvent, type HistoryEvent, type InvokeEvent, type Loss } from './event.ts';
import type {
  Applied,
  Collected,
  Dump,
  EpochSeen,
  Fault,
  History,
  LogBatch,
  Observed,
  Operation,
  Row,
} from './history.ts';

type Id = number | string;

export class HistoryAssembler {
  readonly #operations: Operation[] = [];
  readonly #lists: Listing[] = [];
  readonly #observed: Observed[] = [];
  readonly #applied: Applied[] = [];
  readonly #epochs: EpochSeen[] = [];
  readonly #logs: LogBatch[] = [];
  readonly #collected: Collected[] = [];
  readonly #dumps: Dump[] = [];
  readonly #faults: Fault[] = [];
  readonly #notes: string[] = [];
  #open = new Map<Id, Operation>();
  #ended = new Set<Id>();
  #openDumps = new Map<Id, Dump>();
  #shards: number | undefined;
  #line = 0;
  #torn: HistoryError | undefined;

  /** The next line of a file. `whole`: it ended with a line break. */
  line(text: string, whole = true): void {
    this.#line += 1;
    const event = decodeEvent(text);
    if (!('problem' in event)) {
      this.#take(event);
      return;
    }
    this.#refuseTorn();
    this.#torn = new HistoryError(this.#line, event.problem);
    if (whole) return;
    this.#notes.push(`line ${this.#line} is torn: the recorder was stopped while it wrote it`);
    this.#torn = undefined;
  }

  event(event: HistoryEvent): void {
    this.#line += 1;
    this.#take(event);
  }

  /** The history so far. `mayLose` overrides what its faults say. */
  build(mayLose?: ReadonlySet<AckLevel>): History {
    this.#refuseTorn();
    if (this.#line === 0) throw new HistoryError(1, 'is missing: the file is empty');
    const unfinished = [...this.#openDumps.values()];
    const notes = unfinished.map(({ node, line }) => `the dump of ${node} at line ${line} is not whole`);
    const losses = new Set<Loss>(['leader', ...this.#faults.flatMap(({ takes }) => takes ?? [])]);
    return arrange({
      shards: this.#shards,
      operations: this.#operations,
      lists: this.#lists,
      observed: this.#observed,
      applied: this.#applied,
      epochs: this.#epochs,
      logs: this.#logs,
      collected: this.#collected,
      dumps: this.#dumps.filter((dump) => !unfinished.includes(dump)),
      faults: this.#faults,
      mayLose: mayLose ?? levelsLostBy(losses),
      notes: [...this.#notes, ...notes],
    });
  }

  #take(event: HistoryEvent): void {
    const { type } = event;
    if (this.#line === 1 && type !== 'history') this.#refuse('is no head: {"type":"history","format":1}');
    if (type === 'resumed') this.#resume();
    else this.#refuseTorn();
    const line = this.#line;
    switch (type) {
      case 'resumed':
        break;
      case 'history':
        if (line > 1) this.#refuse('is a second head');
        this.#shards = event.shards;
        break;
      case 'invoke':
        this.#invoke(event);
        break;
      case 'ok':
      case 'fail':
      case 'info':
        this.#end(event);
        break;
      case 'observed':
        this.#observed.push({ ...event, line });
        break;
      case 'applied':
        this.#applied.push({ ...event, line });
        break;
      case 'epoch':
        this.#epochs.push({ ...event, line });
        break;
      case 'log':
        this.#logs.push({ ...event, line });
        break;
      case 'collected':
        this.#collected.push({ ...event, line });
        break;
      case 'fault':
        this.#faults.push({ ...event, line });
        break;
      case 'dump':
        this.#dump({ ...event, line, contents: new Map() });
        break;
      case 'row':
        this.#row({ ...event, line });
        break;
    }
  }

  #resume(): void {
    if (this.#torn) this.#notes.push(`line ${this.#torn.line} is torn: the recorder was stopped and resumed`);
    this.#torn = undefined;
    this.#open = new Map();
    this.#ended = new Set();
  }

  #invoke(event: InvokeEvent): void {
    if (this.#open.has(event.id) || this.#ended.has(event.id)) this.#refuse(`uses the id ${event.id} again`);
    const operation = operationOf(event, this.#line);
    this.#open.set(event.id, operation);
    this.#operations.push(operation);
  }

  #end(event: EndEvent): void {
    const operation = this.#open.get(event.id);
    if (!operation) this.#refuse(`ends ${event.id}, which is not under way`);
    if (event.at < operation.invokedAt) this.#refuse('ends an operation before it began');
    this.#open.delete(event.id);
    this.#ended.add(event.id);
    operation.lines.push(this.#line);
    operation.outcome = event.type;
    if (event.type !== 'info') operation.endedAt = event.at;
    if (event.type !== 'ok') operation.error = event.error;
    if (event.type !== 'fail') operation.version = event.version;
    if (event.type !== 'ok') return;
    operation.node = event.node;
    operation.position = event.position;
    operation.answer = event.value;
    if (operation.kind === 'get' && event.value === undefined) this.#refuse('does not say what was read');
    if (operation.kind === 'list') this.#lists.push({ operation, entries: event.entries ?? [] });
  }

  #dump(dump: Dump): void {
    this.#dumps.push(dump);
    if (dump.rows > 0) this.#openDumps.set(dump.id, dump);
  }

  #row(row: Row): void {
    const dump = this.#openDumps.get(row.dump);
    if (!dump) this.#refuse(`belongs to no open dump ${row.dump}`);
    if (dump.contents.has(row.key)) this.#refuse(`names the key ${row.key} again`);
    dump.contents.set(row.key, row);
    if (dump.contents.size === dump.rows) this.#openDumps.delete(row.dump);
  }

  #refuse(problem: string): never {
    throw new HistoryError(this.#line, problem);
  }

  #refuseTorn(): void {
    if (this.#torn) throw this.#torn;
  }
}

function operationOf(event: InvokeEvent, line: number): Operation {
  const write = 'ack' in event || 'ifMatch' in event || 'ifNoneMatch' in event ? event : undefined;
  return {
    kind: event.operation,
    key: event.operation === 'list' ? event.prefix : event.key,
    process: event.process,
    session: event.session,
    value: event.operation === 'put' ? event.value : undefined,
    by: event.operation === 'increment' ? event.by : 0,
    ttlMs: event.operation === 'put' ? event.ttlMs : undefined,
    ifMatch: write?.ifMatch,
    ifNoneMatch: write?.ifNoneMatch,
    ack: write?.ack ?? ackLevelDefault,
    consistency: ('consistency' in event ? event.consistency : undefined) ?? 'eventual',
    invokedAt: event.at,
    endedAt: Number.POSITIVE_INFINITY,
    outcome: 'info',
    error: undefined,
    node: undefined,
    version: undefined,
    position: undefined,
    answer: undefined,
    lines: [line],
  };
}
