/** On which rung of the ladder each replica stands (core/ladder.ts), for as long as this process lives. */
import type { ExchangeAnswer, Rung } from '@driftless/contracts';
import {
  type Ladder,
  type LadderEffect,
  type LadderEvent,
  type LadderLimits,
  ladderFoot,
  rungOf,
  stepLadder,
} from '../core/ladder.ts';

/** What is to be done with a replica when it is its turn. */
export type Turn = Exclude<LadderEffect, { kind: 'moved' }>;
export type Moved = Extract<LadderEffect, { kind: 'moved' }> & { shard: number; node: string };

export interface LaddersOptions {
  limits: LadderLimits;
  /** Monotonic, milliseconds. */
  now(): number;
  onMoved(moved: Moved): void;
}

type Untimed<Event> = Event extends { now: number } ? Omit<Event, 'now'> : never;

export class Ladders {
  readonly #options: LaddersOptions;
  readonly #ladders = new Map<string, Ladder>();
  readonly #stoppedRows = new Map<string, number>();

  constructor(options: LaddersOptions) {
    this.#options = options;
  }

  turn(shard: number, node: string): Turn {
    const turn = this.#step(shard, node, { kind: 'turn' }).find((effect) => effect.kind !== 'moved');
    if (!turn) throw new Error(`The ladder of ${node} has nothing to do in shard ${shard}.`);
    return turn;
  }

  exchanged(shard: number, node: string, answer: ExchangeAnswer): void {
    if (answer.outcome !== 'not-comparable') {
      this.#stoppedRows.set(keyOf(shard, node), answer.left.stopped);
    }
    this.#step(shard, node, { kind: 'exchanged', answer });
  }

  copyFailed(shard: number, node: string, reason: string): void {
    this.#step(shard, node, { kind: 'copy-failed', reason });
  }

  rungOf(shard: number, node: string): Rung {
    return rungOf(this.#of(shard, node));
  }

  /** Why it stands there; empty at the foot. */
  reasonOf(shard: number, node: string): string {
    return this.#of(shard, node).reason;
  }

  /** Rows that the last exchange left alone because they were healed too often. */
  stoppedRows(shard: number, node: string): number {
    return this.#stoppedRows.get(keyOf(shard, node)) ?? 0;
  }

  #of(shard: number, node: string): Ladder {
    return this.#ladders.get(keyOf(shard, node)) ?? ladderFoot;
  }

  #step(shard: number, node: string, event: Untimed<LadderEvent>): LadderEffect[] {
    const { limits, now, onMoved } = this.#options;
    const timed = { ...event, now: now() } as LadderEvent;
    const { state, effects } = stepLadder(this.#of(shard, node), timed, limits);
    this.#ladders.set(keyOf(shard, node), state);
    for (const effect of effects) if (effect.kind === 'moved') onMoved({ ...effect, shard, node });
    return effects;
  }
}

function keyOf(shard: number, node: string): string {
  return `${shard}/${node}`;
}
