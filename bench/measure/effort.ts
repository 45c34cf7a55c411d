/** How long a run takes its time, by mode: a total table. */
import type { Run } from '../report/run.ts';

export interface Effort {
  /** Odd, so that their median is one of them. */
  rounds: number;
  /** Of a new server, for a compiler that learns while it runs. */
  warmUpMs: number;
  /** Of each load, before it is measured. */
  settleMs: number;
  measureMs: number;
  openLoopMs: number;
  sustainedMs: number;
  overloadMs: number;
  /** Of changes that are delivered to watchers. */
  watchMs: number;
  importRecords: number;
  bootstrapKeys: number;
}

export const efforts: Record<Run['mode'], Effort> = {
  quick: {
    rounds: 3,
    warmUpMs: 1500,
    settleMs: 100,
    measureMs: 400,
    openLoopMs: 1500,
    sustainedMs: 3000,
    overloadMs: 3000,
    watchMs: 4000,
    importRecords: 10_000,
    bootstrapKeys: 10_000,
  },
  usual: {
    rounds: 3,
    warmUpMs: 10_000,
    settleMs: 500,
    measureMs: 3000,
    openLoopMs: 10_000,
    sustainedMs: 60_000,
    overloadMs: 20_000,
    watchMs: 20_000,
    importRecords: 200_000,
    bootstrapKeys: 200_000,
  },
  full: {
    rounds: 5,
    warmUpMs: 20_000,
    settleMs: 1000,
    measureMs: 5000,
    openLoopMs: 20_000,
    sustainedMs: 300_000,
    overloadMs: 60_000,
    watchMs: 60_000,
    importRecords: 1_000_000,
    bootstrapKeys: 1_000_000,
  },
};
