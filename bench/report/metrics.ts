/** What a report makes of rounds: every figure as a ratio to the ceiling of the same round. */
import { median, type Spread, spreadOf } from '../statistics.ts';
import { generatorName, type Machine, type Measured, type Overload, type Run, type Sample } from './run.ts';

export function measuredOf(run: Run, scenario: string): Measured | undefined {
  return run.measured.find((one) => one.scenario === scenario);
}

/** Requests a second, as part of what the server that does nothing answers under the same load. */
export function throughputOf({ rounds }: Measured): Spread {
  return spreadOf(rounds.map(({ sample, ceiling }) => sample.perSecond / ceiling.perSecond));
}

/** CPU time of a request over all processes, as a multiple of the ceiling's; the generator's is not in it. */
export function costOf({ rounds }: Measured): Spread | undefined {
  const ratios = rounds.map(({ sample, ceiling }) => serverMicros(sample) / serverMicros(ceiling));
  return ratios.every(Number.isFinite) ? spreadOf(ratios) : undefined;
}

/** p99 as a multiple of the ceiling's. */
export function tailOf({ rounds }: Measured): Spread {
  return spreadOf(rounds.map(({ sample, ceiling }) => sample.p99Ms / ceiling.p99Ms));
}

/** Median over the rounds. */
export function typical({ rounds }: Measured, of: (sample: Sample) => number): number {
  return median(rounds.map(({ sample }) => of(sample)));
}

/** NaN where CPU time is not known. */
export function serverMicros({ cpuMicrosEach }: Sample): number {
  const parts = Object.entries(cpuMicrosEach ?? {}).filter(([name]) => name !== generatorName);
  return parts.length === 0 ? Number.NaN : parts.reduce((sum, [, micros]) => sum + micros, 0);
}

/** Median CPU time of a request by process, microseconds, in the order they are listed in. */
export function microsByProcess(measured: Measured): [string, number][] {
  return byProcess(measured, ({ cpuMicrosEach }) => cpuMicrosEach);
}

/** Median bytes that a request has written to storage, by process. */
export function writtenByProcess(measured: Measured): [string, number][] {
  return byProcess(measured, ({ writtenBytesEach }) => writtenBytesEach);
}

function byProcess(
  { rounds }: Measured,
  of: (sample: Sample) => Record<string, number> | undefined,
): [string, number][] {
  const names = Object.keys((rounds[0] && of(rounds[0].sample)) ?? {});
  return names.map((name) => [name, median(rounds.map(({ sample }) => of(sample)?.[name] ?? 0))]);
}

export interface OverloadFigures {
  /** Writes that were taken, as part of the peak. */
  taken: number;
  /** Cores that the load generator left to others, as part of those that it left at the peak. */
  coresLeft: number;
  /** Writes taken for each of these, as part of the same at the peak. */
  takenPerCore: number;
  /** p99 of those since they were due, by the p99 of the peak. */
  tail: number;
  /** p99 of refusals since they were sent, by the p99 of the peak; absent when nothing was refused. */
  refusalTail?: number;
  /** Of what was due and not taken, the part that was refused with 429 or 503; absent when all was taken. */
  refused?: number;
  /** Of the process that grew most, bytes; absent where there is no /proc. */
  growthBytes?: number;
}

export function overloadFigures({ load, peak, memory }: Overload, { cores }: Machine): OverloadFigures {
  const rest = load.refused + load.unanswered;
  const refusals = (load.refusals[429] ?? 0) + (load.refusals[503] ?? 0);
  const taken = load.perSecond / peak.perSecond;
  const coresLeft = (cores - load.cores) / (cores - peak.generatorCores);
  return {
    taken,
    coresLeft,
    takenPerCore: taken / coresLeft,
    tail: load.p99Ms / peak.p99Ms,
    ...(load.refusedP99Ms !== undefined && { refusalTail: load.refusedP99Ms / peak.p99Ms }),
    ...(rest > 0 && { refused: refusals / rest }),
    ...(memory && {
      growthBytes: Math.max(...memory.map(({ endBytes, beforeBytes }) => endBytes - beforeBytes)),
    }),
  };
}

/** Largest minus smallest round, as part of the median: of all scenarios the median. */
export function noiseOf(run: Run): number {
  const spreads = run.measured.map(throughputOf);
  return median(spreads.map(({ median: middle, min, max }) => (max - min) / middle));
}
