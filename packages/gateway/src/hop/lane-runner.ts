/** The shell of a lane (core/lane.ts): its turns of the event loop, its clock, its dice. */
import type { Clock } from '@driftless/runtime';
import {
  createLane,
  isCrowded,
  type LaneEffect,
  type LaneEvent,
  type LaneItem,
  type LaneLimits,
  type LaneTarget,
  stepLane,
  turnsAway,
} from '../core/lane.ts';

export interface LanePorts<Item extends LaneItem> {
  /**
   * Does the items at a node and settles them; calls `ended` later, once, with those that were not done and
   * go again.
   */
  send(items: Item[], node: string, ended: (again: readonly Item[]) => void): void;
  clock: Clock;
  /** From 0 to less than 1. */
  random(): number;
  /** Settles items that waited in vain. */
  expired(items: Item[], target: LaneTarget | undefined): void;
}

export class LaneRunner<Item extends LaneItem> {
  readonly #lane;
  readonly #ports: LanePorts<Item>;

  constructor(limits: LaneLimits, ports: LanePorts<Item>) {
    this.#lane = createLane<Item>(limits);
    this.#ports = ports;
  }

  /** Takes the item, or says false: the lane is full. */
  offer(item: Item): boolean {
    return this.#step({ type: 'offered', item });
  }

  /** Whether it may turn somebody away, so that it is worth asking. */
  get isCrowded(): boolean {
    return isCrowded(this.#lane);
  }

  /** Whether it would not take a caller's item now. */
  turnsAway(): boolean {
    return turnsAway(this.#lane, this.#ports.clock.monotonic());
  }

  route(target: LaneTarget | undefined): void {
    this.#step({ type: 'routed', target, now: this.#ports.clock.monotonic() });
  }

  /** To be called every few milliseconds: expires what is overdue and ends the lane's rest. */
  sweep(): void {
    if (this.#lane.waiting.length > 0) this.#step({ type: 'swept', now: this.#ports.clock.monotonic() });
  }

  readonly #endTurn = (): void => {
    this.#step({ type: 'turn-ended', now: this.#ports.clock.monotonic() });
  };

  get waitingOperations(): number {
    return this.#lane.waitingOperations;
  }

  #step(event: LaneEvent<Item>): boolean {
    let taken = true;
    for (const effect of stepLane(this.#lane, event)) taken = this.#run(effect) && taken;
    return taken;
  }

  #run(effect: LaneEffect<Item>): boolean {
    switch (effect.type) {
      case 'await-turn':
        if (effect.ms === 0) this.#ports.clock.soon(this.#endTurn);
        else this.#ports.clock.after(effect.ms, this.#endTurn);
        return true;
      case 'send':
        this.#send(effect.items, effect.target);
        return true;
      case 'expire':
        this.#ports.expired(effect.items, this.#lane.target);
        return true;
      case 'reject':
        return false;
    }
  }

  #send(sent: Item[], target: LaneTarget): void {
    this.#ports.send(sent, target.node, (items) => {
      const now = this.#ports.clock.monotonic();
      if (items.length === 0) this.#step({ type: 'answered', target, now });
      else this.#step({ type: 'refused', target, items, random: this.#ports.random(), now });
    });
  }
}
