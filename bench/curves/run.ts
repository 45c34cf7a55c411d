/** One run of the cost curves, as its run.json keeps it; the page and the plots are made of this. */
import type { WatchReport } from '../load/watching.ts';
import type { Job, Measured, RunHead } from '../report/run.ts';

/** What so many keys take, when each was written once. */
export interface KeySizes {
  keys: number;
  /** Of writing them, in batches with ack=all. */
  fillSeconds: number;
  /** Resident memory by process; absent where there is no /proc. */
  memory?: { name: string; emptyBytes: number; filledBytes: number }[];
  /** Files of a node, mean of all nodes: rows, log, write-ahead log. */
  nodeBytes: number;
  /** Files of nats-server. */
  natsBytes: number;
}

export interface WatchPoint {
  watchers: number;
  /** Writes that were due a second, and how many were taken in all. */
  perSecond: number;
  writes: number;
  /** Changes that were to be delivered. */
  due: number;
  /** Absent without watchers. */
  delivered?: WatchReport;
  /** CPU time while it went on, microseconds by process; absent where there is no /proc. */
  cpuMicros?: Record<string, number>;
  seconds: number;
}

export interface CurvesRun extends RunHead {
  /** Closed loops, by the names of axes.ts. */
  measured: Measured[];
  sizes: KeySizes[];
  watchers: WatchPoint[];
  bootstraps: Job[];
}
