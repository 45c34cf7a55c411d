/** One run of the benchmark, as run.json keeps it; everything else of the report is made of this. */
import type { LoadReport } from '../load/plan.ts';

/** Who is charged for making the load. */
export const generatorName = 'load generator';

/** A load and what it cost: CPU time per answer by process, microseconds; absent where there is no /proc. */
export interface Sample extends LoadReport {
  cpuMicrosEach?: Record<string, number>;
}

/** The ceiling first, then the same load on what is measured. */
export interface Round {
  ceiling: Sample;
  sample: Sample;
}

export interface Measured {
  scenario: string;
  rounds: Round[];
  /** Counters: whether the total was, after each round, exactly the increments that were answered. */
  isExact?: boolean;
}

/** Quantiles of the age of events when followers applied them. */
export interface Lag {
  p50Ms: number;
  p99Ms: number;
}

/** A fixed rate: a part of the peak that the run found. */
export interface OpenLoop {
  scenario: string;
  percentOfPeak: number;
  /** Requests a second that were due. */
  perSecond: number;
  load: Sample;
  /** Of writes. */
  lag?: Lag;
}

/** Writes as fast as they are taken, for a while. */
export interface Sustained {
  seconds: number;
  load: Sample;
  /** Of equal parts of the time, in order. */
  lags: Lag[];
}

/** So many records, or keys, in so long. */
export interface Job {
  count: number;
  seconds: number;
}

export interface Machine {
  cores: number;
  processor: string;
  memoryGiB: number;
  system: string;
  /** Name → version of everything that ran. */
  versions: Record<string, string>;
  /** Processes that waited for a core before the run began: others' work shows in every figure. */
  loadAverageBefore: number;
}

export interface Run {
  /** Version of this format. */
  format: 1;
  startedAt: string;
  seconds: number;
  mode: 'quick' | 'usual' | 'full';
  /** What was asked for by `--only`; empty for all. */
  only: string[];
  rounds: number;
  measureMs: number;
  machine: Machine;
  measured: Measured[];
  openLoops: OpenLoop[];
  sustained?: Sustained;
  import?: Job;
  bootstrap?: Job;
  /** What was not measured, and why. */
  skipped: { name: string; reason: string }[];
}
