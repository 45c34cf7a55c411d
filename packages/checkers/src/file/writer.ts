/**
 * Writes a history to a file, append-only. Each event is one `write(2)` before the call returns: an `invoke`
 * must be in the file before its request is on the way, or a recorder that is killed would leave values that
 * nobody seems to have written. Against a loss of power it is not made; the cluster is what is tested.
 *
 * A file that is there already is gone on with: a torn last line is closed, and `resumed` says so. Whatever
 * doesn't go in throws, since a history with holes proves nothing.
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import {
  type EndEvent,
  encodeEvent,
  type HistoryEvent,
  type HistoryEventOf,
  historyFormat,
  type InvokeEvent,
} from '../core/event.ts';

type Without<Event, Field extends string> = Event extends unknown ? Omit<Event, Field> : never;
/** An operation as a caller states it: the writer adds type, id and time. */
export type Invocation = Without<InvokeEvent, 'type' | 'id' | 'at'>;
export type Ending = Without<EndEvent, 'id' | 'at'>;
export type HistoryHead = Omit<HistoryEventOf<'history'>, 'type' | 'format'>;

/** Milliseconds of the machine's monotonic clock, which all its processes share: any of them may go on. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

export class HistoryWriter {
  readonly now: () => number;
  readonly #file: number;
  #ids = 0;

  /** Opens or goes on with the file. The head is written when the file is new. */
  constructor(path: string, head: HistoryHead = {}, now: () => number = monotonicMs) {
    this.now = now;
    this.#file = openSync(path, 'a+');
    const { size } = fstatSync(this.#file);
    if (size === 0) this.record({ type: 'history', format: historyFormat, ...head });
    else this.#resume(size);
  }

  #resume(size: number): void {
    const last = Buffer.alloc(1);
    readSync(this.#file, last, 0, 1, size - 1);
    if (last.toString() !== '\n') this.#write('\n');
    this.record({ type: 'resumed', at: this.now() });
  }

  /** Call it before the request is sent; what it gives names the operation to `end`. */
  invoke(invocation: Invocation): number {
    this.#ids += 1;
    this.record({ type: 'invoke', id: this.#ids, at: this.now(), ...invocation });
    return this.#ids;
  }

  /** Call it when the answer is there, or when there will be none. */
  end(id: number, ending: Ending): void {
    this.record({ ...ending, id, at: this.now() });
  }

  /** Several events go in together. */
  record(...events: HistoryEvent[]): void {
    this.#write(events.map(encodeEvent).join(''));
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(text: string): void {
    const bytes = Buffer.from(text);
    for (let from = 0; from < bytes.length; ) from += writeSync(this.#file, bytes, from);
  }
}
