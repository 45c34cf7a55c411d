/**
 * Virtual time. Everything that happens is an event at a time; the world takes the earliest, lets it and all
 * microtasks that follow from it run, and goes on to the next. No real timer fires, so a run is a function of
 * its seed, and an hour takes as long as what happens in it.
 *
 * Events belong to a process. A process that died has no events any more; one that is paused, or busy with a
 * slow disk, has them later, in their order.
 */
import { createHash } from 'node:crypto';
import { Clock } from '@driftless/runtime';
import { Random } from '../harness/random.ts';

/** What a turn of the event loop costs, milliseconds: code that only gives way must not stop time. */
const turnMs = 0.01;
/** Wall clock at the start of every run: an arbitrary day. */
const wallStart = 1_700_000_000_000;
/** Events that run before the real event loop has its turn. */
const eventsPerTurn = 128;

interface Event {
  time: number;
  order: number;
  process: Process | undefined;
  work: () => void;
}

/** Thrown by a port of a process that dies in the call: nobody in it may go on. */
export class Crashed extends Error {
  override name = 'Crashed';
}

export class World {
  readonly random: Random;
  /** Milliseconds since the start. */
  now = 0;
  /** Whose event runs; for faults that nobody catches. */
  current: Process | undefined;
  events = 0;
  /** Called with what a process threw and nobody caught, which ends it. */
  onFault: (process: Process | undefined, error: unknown) => void = (_, error) => {
    throw error;
  };
  /** Called with every line of the trace. */
  onTrace: ((line: string) => void) | undefined;
  readonly #digest = createHash('sha256');
  readonly #heap: Event[] = [];
  #order = 0;

  constructor(seed: number | string) {
    this.random = new Random(seed);
  }

  at(time: number, work: () => void, process?: Process): void {
    this.#order += 1;
    push(this.#heap, { time: Math.max(time, this.now), order: this.#order, process, work });
  }

  after(ms: number, work: () => void, process?: Process): void {
    this.at(this.now + ms, work, process);
  }

  /** A line of the trace, which tells two runs apart. */
  note(text: string): void {
    const line = `${this.now.toFixed(3)} ${text}`;
    this.#digest.update(`${line}\n`);
    this.onTrace?.(line);
  }

  /** Hash of the trace so far. */
  digest(): string {
    return this.#digest.copy().digest('hex');
  }

  /** Runs until `isOver`, asked before every event, or until nothing is left to happen. */
  run(isOver: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      let over = false;
      const step = (): void => {
        if (over) return;
        over = isOver() || !this.#next();
        if (over) resolve();
      };
      const turn = (): void => {
        if (over) return;
        // Node runs all microtasks between two immediates.
        for (let i = 0; i < eventsPerTurn; i += 1) setImmediate(step);
        setImmediate(turn);
      };
      turn();
    });
  }

  #next(): boolean {
    const event = pop(this.#heap);
    if (!event) return false;
    const { process, work } = event;
    this.now = event.time;
    if (process && !process.isAlive) return true;
    if (process && process.freeAt > this.now) {
      this.at(process.freeAt, work, process);
      return true;
    }
    this.events += 1;
    this.#digest.update(`${this.now} ${process?.name ?? ''}\n`);
    this.current = process;
    try {
      work();
    } catch (error) {
      this.onFault(process, error);
    }
    return true;
  }
}

/** One life of a node, or a gateway, or a client. */
export class Process {
  readonly name: string;
  readonly world: World;
  readonly clock: Clock;
  /** Its wall clock is wrong by this much, milliseconds. */
  readonly skewMs: number;
  isAlive = true;
  /** Nothing of it runs before. */
  freeAt = 0;
  /** It dies at this many effect boundaries from now: before or after a call of a port took effect. */
  callsLeft = Number.POSITIVE_INFINITY;
  onDeath: (() => void) | undefined;

  constructor(world: World, name: string, skewMs = 0) {
    this.world = world;
    this.name = name;
    this.skewMs = skewMs;
    this.clock = new ProcessClock(this);
  }

  /** Time as the process has it: a call that blocks takes time of its own. */
  get now(): number {
    return Math.max(this.world.now, this.freeAt);
  }

  /** It blocks, or is stopped, for a while. */
  hold(ms: number): void {
    this.freeAt = this.now + ms;
  }

  die(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.world.note(`${this.name} dies`);
    this.onDeath?.();
  }

  /** An effect boundary: the place where a process may die. Throws `Crashed`. */
  boundary(): void {
    if (!this.isAlive) throw new Crashed(this.name);
    this.callsLeft -= 1;
    if (this.callsLeft > 0) return;
    this.die();
    throw new Crashed(this.name);
  }
}

class ProcessClock extends Clock {
  readonly #process: Process;

  constructor(process: Process) {
    super();
    this.#process = process;
  }

  monotonic(): number {
    return this.#process.now;
  }

  wall(): number {
    return wallStart + Math.round(this.#process.now + this.#process.skewMs);
  }

  after(ms: number, work: () => void): () => void {
    let isOff = false;
    const { world, now } = this.#process;
    world.at(now + Math.max(ms, turnMs), () => isOff || work(), this.#process);
    return () => {
      isOff = true;
    };
  }

  every(ms: number, work: () => void): () => void {
    let callOff = (): void => {};
    const again = (): void => {
      callOff = this.after(ms, () => {
        again();
        work();
      });
    };
    again();
    return () => callOff();
  }

  soon(work: () => void): void {
    this.after(turnMs, work);
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.time === b.time ? a.order < b.order : a.time < b.time;
}

function push(heap: Event[], event: Event): void {
  let at = heap.push(event) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as Event;
    if (!isBefore(event, above)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = event;
}

function pop(heap: Event[]): Event | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (!first || !last || first === last) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    const [left, right] = [heap[child], heap[child + 1]];
    if (!left) break;
    const least = right && isBefore(right, left) ? right : left;
    if (least === right) child += 1;
    if (!isBefore(least, last)) break;
    heap[at] = least;
    at = child;
  }
  heap[at] = last;
  return first;
}
