/** One run of the comparison; the page is made of it. */
import type { Machine } from '../report/run.ts';
import type { WrkReport } from './wrk.ts';

export interface CounterRun {
  startedAt: string;
  machine: Machine;
  seconds: number;
  warmUpSeconds: number;
  threads: number;
  connections: number;
  measured: Measured[];
  failover?: Failover;
  /** What could not be measured, and why. */
  skipped: { name: string; reason: string }[];
}

export interface Measured {
  name: string;
  /** Gateways, or workers. */
  replicas: number;
  report: WrkReport;
  /** By how much the counter grew in this time. */
  grew: number;
  /** CPU time by process, microseconds a request that was answered; absent where it is not known. */
  cpuMicrosEach?: Record<string, number>;
  /** Increments that went together: in one request of a gateway, and in one commit of the leader. */
  gathered?: { request: number; commit: number };
  /** Cores that the servers, and that wrk kept busy. */
  busyCores?: { servers: number; generator: number };
}

export interface Failover {
  report: WrkReport;
  grew: number;
  /** What was done, when: seconds from the start. */
  events: { second: number; what: string }[];
  /** Connections of a gateway: so many requests can be under way when it is killed. */
  connectionsEach: number;
  /** Roots of all replicas were equal afterwards. */
  converged: boolean;
  seconds: number;
}

export interface Verdict {
  /** Every acknowledged increment counts, once. */
  isKept: boolean;
  /** At most so many whose fate the client does not know: no answer, or one that says so. */
  unknown: number;
  /** Of these, how many were made. */
  made: number;
}

/** Nothing fails: the counter is exactly what was answered. */
export function verdictOf({ report, grew }: Measured): Verdict {
  return judged(report, grew, report.refused + report.read + report.write);
}

/**
 * What a killed gateway has not answered may have been done, and what was answered 504. wrk also tells of
 * requests cut off that never were: it takes a connection that was refused for one.
 */
export function verdictOfFailover({ report, grew, connectionsEach }: Failover): Verdict {
  return judged(report, grew, connectionsEach + (report.statuses['504'] ?? 0));
}

function judged({ ok, twice }: WrkReport, grew: number, unknown: number): Verdict {
  const made = grew - ok;
  return { isKept: made >= 0 && made <= unknown && twice === 0, unknown, made };
}
