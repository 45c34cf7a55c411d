/**
 * Hand-made histories in few words: operations with the span that they took, observations, dumps; in any
 * order, for they are sorted by time. Versions and positions are written as in the file: `1-7`.
 */
import type { AckLevel, ReadLevel } from '@driftless/contracts';
import { HistoryAssembler } from '../core/assemble.ts';
import { type CheckOptions, checkHistory } from '../core/check.ts';
import { type HistoryEvent, historyEventSchema } from '../core/event.ts';
import type { CheckResult } from '../core/findings.ts';
import type { History } from '../core/history.ts';
import { compareTimes } from '../core/real-time.ts';

type Span = [from: number, to: number];

interface Common {
  session?: string;
  node?: string;
  version?: string;
  position?: string;
  /** Default `ok`. */
  outcome?: 'fail' | 'info';
  error?: string;
}
interface WriteMore extends Common {
  ack?: AckLevel;
  ifMatch?: string[] | '*';
  ifNoneMatch?: string[] | '*';
  ttlMs?: number;
}
interface ReadMore extends Common {
  consistency?: ReadLevel;
}
interface Answer {
  value?: string | null;
  entries?: object[];
}
interface DumpMore {
  shard?: number;
  final?: boolean;
  position?: string;
  root?: string;
}

export class Script {
  readonly #chunks: { at: number; rank: number; events: object[] }[] = [];
  readonly #shards: number | undefined;
  #ids = 0;

  /** One shard by default, so that all versions can be compared. */
  constructor(shards: number | undefined = 1) {
    this.#shards = shards;
  }

  put(key: string, value: string, span: Span, more: WriteMore = {}): this {
    return this.#operation({ operation: 'put', key, value }, span, more);
  }
  delete(key: string, span: Span, more: WriteMore = {}): this {
    return this.#operation({ operation: 'delete', key }, span, more);
  }
  increment(key: string, by: number, span: Span, more: WriteMore & { value?: string } = {}): this {
    return this.#operation({ operation: 'increment', key, by }, span, more);
  }
  /** `value` null: there was nothing. */
  get(key: string, value: string | null, span: Span, more: ReadMore = {}): this {
    return this.#operation({ operation: 'get', key }, span, { ...more, value });
  }
  list(entries: Record<string, string>, span: Span, more: ReadMore = {}): this {
    const listed = Object.entries(entries).map(([key, text]) => ({ key, ...parseCell(text) }));
    return this.#operation({ operation: 'list', prefix: '' }, span, { ...more, entries: listed });
  }
  /** `cell` is `value@1-7`, or `@1-7` for a tombstone. */
  observed(node: string, key: string, cell: string, at: number): this {
    return this.#add(at, { type: 'observed', at, node, key, ...rowCell(cell) });
  }
  applied(node: string, position: string, at: number, shard = 0, root?: string): this {
    return this.#add(at, { type: 'applied', at, node, shard, position, root });
  }
  epoch(node: string, epoch: number, firstSeq: number, leader: string, at = 0): this {
    return this.#add(at, { type: 'epoch', at, node, shard: 0, epoch, firstSeq, leader });
  }
  log(node: string, epoch: number, firstSeq: number, lastSeq: number, digest?: string): this {
    const at = logsAt;
    return this.#add(at, { type: 'log', at, node, shard: 0, epoch, firstSeq, lastSeq, digest });
  }
  /** Rows `key@1-7` were removed for good by the record at `position`. */
  collected(position: string, rows: string[], members: string[], at: number): this {
    const named = rows.map((row) => ({ key: row.split('@')[0], version: row.split('@')[1] }));
    const head = { type: 'collected', at, node: members[0], shard: 0, position, members };
    return this.#add(at, { ...head, rows: named });
  }
  fault(phase: 'begin' | 'end', at: number, takes: string[] = []): this {
    return this.#add(at, { type: 'fault', at, phase, fault: 'test', takes });
  }
  /** Cells as of `observed`, by key. */
  dump(node: string, cells: Record<string, string>, at: number, more: DumpMore = {}): this {
    this.#ids += 1;
    const id = `dump ${this.#ids}`;
    const rows = Object.entries(cells).map(([key, cell]) => ({
      type: 'row',
      dump: id,
      key,
      ...rowCell(cell),
    }));
    const head = { type: 'dump', id, at, node, final: true, rows: rows.length, ...more };
    return this.#add(at, head, ...rows);
  }

  events(): HistoryEvent[] {
    const sorted = this.#chunks.sort((a, b) => compareTimes(a.at, b.at) || a.rank - b.rank);
    const head = { type: 'history', format: 1, shards: this.#shards };
    // By way of JSON, as a file would have it: absent instead of undefined.
    const plain = JSON.parse(JSON.stringify([head, ...sorted.flatMap(({ events }) => events)])) as unknown[];
    return plain.map((event) => historyEventSchema.parse(event));
  }
  history(mayLose?: ReadonlySet<AckLevel>): History {
    return assembled(this.events(), mayLose);
  }
  check(options?: CheckOptions, mayLose?: ReadonlySet<AckLevel>): CheckResult[] {
    return checkHistory(this.history(mayLose), options);
  }

  #operation(call: object, [from, to]: Span, more: WriteMore & ReadMore & Answer): this {
    const { session, node, version, position, outcome, error, ack, ifMatch, ifNoneMatch, ttlMs, ...rest } =
      more;
    const { consistency, ...answer } = rest;
    this.#ids += 1;
    const id = this.#ids;
    const asked = { session, ack, ifMatch, ifNoneMatch, ttlMs, consistency };
    this.#add(from, { type: 'invoke', id, at: from, process: session ?? `p${id}`, ...call, ...asked });
    if (!Number.isFinite(to)) return this;
    const end = { type: outcome ?? 'ok', id, at: to };
    const told = outcome === undefined ? { node, version, position, ...answer } : { error };
    return this.#addAs(2, to, outcome === 'info' ? { ...end, version } : { ...end, ...told });
  }

  #add(at: number, ...events: object[]): this {
    return this.#addAs(1, at, ...events);
  }

  #addAs(rank: number, at: number, ...events: object[]): this {
    this.#chunks.push({ at, rank, events });
    return this;
  }
}

const logsAt = 1_000_000;

export function assembled(events: readonly HistoryEvent[], mayLose?: ReadonlySet<AckLevel>): History {
  const assembler = new HistoryAssembler();
  for (const event of events) assembler.event(event);
  return assembler.build(mayLose);
}

/** Names of the checkers that found a violation. */
export function violatedIn(results: readonly CheckResult[]): string[] {
  return results.filter(({ verdict }) => verdict === 'violated').map(({ checker }) => checker);
}

function parseCell(cell: string): { value: string; version?: string } {
  const [value = '', version] = cell.split('@');
  return version === undefined ? { value } : { value, version };
}

function rowCell(cell: string): { value: string | null; version: string | undefined } {
  const { value, version } = parseCell(cell);
  return { value: value === '' ? null : value, version };
}
