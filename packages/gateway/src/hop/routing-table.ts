/** The shell of the routing table (core/routing.ts): its clock, and who wants to hear of new leaders. */

import { type Clock, systemClock } from '@driftless/runtime';
import type { LaneTarget } from '../core/lane.ts';
import {
  initialRouting,
  type Route,
  type RoutingEvent,
  type RoutingLimits,
  type RoutingState,
  stepRouting,
} from '../core/routing.ts';

type Untimed<Event> = Event extends { now: number } ? Omit<Event, 'now'> : never;
export type RoutingNews = Untimed<RoutingEvent>;

export class RoutingTable {
  readonly #clock: Clock;
  readonly #listeners = new Set<(route: Route) => void>();
  #state: RoutingState;

  constructor(limits: RoutingLimits, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#state = initialRouting(limits);
  }

  get state(): RoutingState {
    return this.#state;
  }

  hear(news: RoutingNews): void {
    const { state, changed } = stepRouting(this.#state, {
      ...news,
      now: this.#clock.monotonic(),
    } as RoutingEvent);
    this.#state = state;
    for (const route of changed) for (const listener of this.#listeners) listener(route);
  }

  /** Calls `listener` whenever a shard's leader becomes another one, or nobody. */
  onLeader(listener: (route: Route) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  route(shard: number): Route | undefined {
    return this.#state.routes[shard];
  }

  targetOf(shard: number): LaneTarget | undefined {
    const route = this.#state.routes[shard];
    return route?.leader === undefined ? undefined : { node: route.leader, epoch: route.epoch };
  }

  urlOf(node: string): string | undefined {
    return this.#state.nodes.get(node)?.status.url;
  }
}
