/** The table of a page of pairs: how much more CPU time a request takes, and how many fewer are answered. */
import { markdownTable as table } from 'markdown-table';
import { costsOf, type PairCost } from '../measure/pairs.ts';
import { median } from '../statistics.ts';

/** Medians of the pairs (min–max), in percent. */
export function pairTable(costs: readonly PairCost[]): string {
  return table([['Load', 'Pairs', 'CPU time of a request', 'Requests a second'], ...costs.map(row)]);
}

function row(cost: PairCost): string[] {
  const { load, rounds } = cost;
  const spreads = [costsOf(cost, 'cpuMicros'), costsOf(cost, 'perSecond')].map(spread);
  return [load, String(rounds.length), ...spreads];
}

function spread(percents: readonly number[]): string {
  return `${signed(median(percents))} (${signed(Math.min(...percents))} – ${signed(Math.max(...percents))})`;
}

function signed(value: number): string {
  return `${value > 0 ? '+' : ''}${percent(value)}`;
}

export function percent(value: number): string {
  return `${value.toFixed(2)}%`;
}
