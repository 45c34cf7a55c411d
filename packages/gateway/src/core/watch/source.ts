/**
 * Which replica's log is asked next (SPEC.md). One that can't help is left out until all have been asked;
 * then there is a pause and a new round. History is gone for good only when every replica that is up says
 * so.
 */
import type { Route } from '../routing.ts';
import type { Verdict } from './history.ts';

export interface SourceState {
  /** Asked in vain in this round. */
  tried: readonly string[];
  /** Their log doesn't reach back. */
  short: readonly string[];
  rounds: number;
}

export type NextSource = { kind: 'ask'; node: string } | { kind: 'pause' } | { kind: 'expired' };

export const sourceStart: SourceState = Object.freeze({ tried: [], short: [], rounds: 0 });

/** Replicas in the order to ask: the freshest first, or in turn, so that long catch-ups spread. */
export function sourcesOf(route: Route, order: 'freshest' | { turn: number }): string[] {
  const { leader, near, far } = route;
  if (order === 'freshest') return [...new Set([...(leader === undefined ? [] : [leader]), ...near, ...far])];
  const turned = near.map((_, i) => near[(i + order.turn) % near.length] as string);
  return [...new Set([...turned, ...far, ...(leader === undefined ? [] : [leader])])];
}

export function nextSource(state: SourceState, sources: readonly string[]): NextSource {
  const node = sources.find((source) => !state.tried.includes(source));
  if (node !== undefined) return { kind: 'ask', node };
  const gone = sources.length > 0 && sources.every((source) => state.short.includes(source));
  return { kind: gone ? 'expired' : 'pause' };
}

/** `outcome`: what its page was, or that there was none. */
export function noted(state: SourceState, node: string, outcome: Verdict['kind'] | 'failed'): SourceState {
  const short = state.short.filter((other) => other !== node);
  return {
    ...state,
    tried: [...state.tried, node],
    short: outcome === 'trimmed' ? [...short, node] : short,
  };
}

export function newRound({ short, rounds }: SourceState): SourceState {
  return { tried: [], short, rounds: rounds + 1 };
}
