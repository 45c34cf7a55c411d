/**
 * What something costs, by pairs: the same load with it and without it, one right after the other, and who is
 * first takes turns. What counts is the ratio within a pair; what else the machine does meets both.
 */
import { generatorName } from '../report/run.ts';
import type { Ask, Target } from '../targets/target.ts';
import { type Shape, sampleOf } from './sample.ts';

export interface Rate {
  perSecond: number;
  /** CPU time for one request, of those processes that the bench is about. */
  cpuMicros: number;
}

export interface Pair {
  with: Rate;
  without: Rate;
}

export interface PairCost {
  load: string;
  rounds: Pair[];
}

/** One side of a pair, measured once. */
export type Side = () => Promise<Rate>;

export async function pairsOf(
  load: string,
  rounds: number,
  sides: { with: Side; without: Side },
  onPair: (pair: Pair) => void,
): Promise<PairCost> {
  const cost: PairCost = { load, rounds: [] };
  for (let round = 0; round < rounds; round += 1) {
    const withFirst = round % 2 === 1;
    const first = await (withFirst ? sides.with() : sides.without());
    const second = await (withFirst ? sides.without() : sides.with());
    const pair = withFirst ? { with: first, without: second } : { with: second, without: first };
    cost.rounds.push(pair);
    onPair(pair);
  }
  return cost;
}

/** In percent, of each pair: how much more there is with it. */
export function costsOf({ rounds }: PairCost, what: keyof Rate): number[] {
  return rounds.map((pair) => (100 * pair.with[what]) / pair.without[what] - 100);
}

/** What pairs under load ask for: plain values of 100 bytes, by 64 connections. */
export const pairShape = { connections: 64, keys: 20_000 };
export const pairValueBytes = 100;
export const pairLoads: Record<string, Ask> = {
  'PUT, ack=stream': { what: 'put', ack: 'stream', level: 'eventual', valueBytes: pairValueBytes },
  'GET, eventual': { what: 'get', ack: 'stream', level: 'eventual', valueBytes: pairValueBytes },
};

/** Of one load on one target, with the CPU time of all its processes. */
export async function rateOf(target: Target, ask: Ask, measureMs: number): Promise<Rate> {
  const shape: Shape = { ...pairShape, ...ask };
  const sample = await sampleOf(target, shape, { warmUpMs: 0, measureMs });
  const { [generatorName]: _, ...ours } = sample.cpuMicrosEach ?? {};
  const cpuMicros = Object.values(ours).reduce((sum, micros) => sum + micros, 0);
  return { perSecond: sample.perSecond, cpuMicros };
}
