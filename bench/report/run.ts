/** One run of the benchmark, as run.json keeps it; everything else of the report is made of this. */
import type { LoadReport } from '../load/plan.ts';

/** Who is charged for making the load. */
export const generatorName = 'load generator';

/** A load and what it cost for each answer 2xx, by process; absent where there is no /proc. */
export interface Sample extends LoadReport {
  /** CPU time, microseconds. */
  cpuMicrosEach?: Record<string, number>;
  /** Bytes written to storage. */
  writtenBytesEach?: Record<string, number>;
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

/** Resident memory of a process, bytes. */
export interface Memory {
  name: string;
  /** Just before a load. */
  beforeBytes: number;
  /** The last look while it went on. */
  endBytes: number;
  /** Of all looks. */
  maxBytes: number;
}

/** Writes that are due at a multiple of the peak. */
export interface Overload {
  seconds: number;
  timesPeak: number;
  connections: number;
  /** Requests a second that were due. */
  perSecond: number;
  /** The closed loop that found the peak: its median rate, p99, and the cores that its generator took. */
  peak: { scenario: string; perSecond: number; p99Ms: number; generatorCores: number };
  load: Sample;
  /** Of those that hold writes; absent where there is no /proc. */
  memory?: Memory[];
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

/** What every kind of run tells of itself. */
export interface RunHead {
  /** Version of its format. */
  format: 1;
  startedAt: string;
  seconds: number;
  mode: 'quick' | 'usual' | 'full';
  /** What was asked for by `--only`; empty for all. */
  only: string[];
  rounds: number;
  measureMs: number;
  machine: Machine;
  /** What was not measured, and why. */
  skipped: { name: string; reason: string }[];
}

export interface Run extends RunHead {
  measured: Measured[];
  openLoops: OpenLoop[];
  sustained?: Sustained;
  overload?: Overload;
  import?: Job;
  bootstrap?: Job;
}
