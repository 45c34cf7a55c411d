/** Sums up runs, a row a fault, for docs/reliability.md. */
import { faults } from '../table/index.ts';
import type { Fault } from './fault.ts';
import type { RunResult } from './run.ts';

export interface Row {
  kind: 'real';
  family: string;
  fault: string;
  /** What must hold, in words. */
  invariant: string;
  runs: number;
  operations: number;
  /** Runs in which something was violated. */
  violations: number;
  /** Runs in which a checker could not decide something. */
  undecided: number;
  worstRecoveryMs: number;
  worstConvergeMs: number;
  /** Facts that each checker judged. */
  checked: Record<string, number>;
}

export interface Summary {
  rows: Row[];
  /** Faults without runs, and why. */
  skipped: string[];
}

export function summaryOf(results: readonly RunResult[]): Summary {
  const byFault = Map.groupBy(results, ({ fault }) => fault);
  const rows = faults.flatMap((fault) => {
    const runs = byFault.get(fault.name);
    return runs ? [rowOf(fault, runs)] : [];
  });
  const skipped = faults.flatMap(({ name, obstacle }) =>
    byFault.has(name) ? [] : [`${name}: ${obstacle?.() ?? 'no runs yet'}`],
  );
  return { rows, skipped };
}

function rowOf(fault: Fault, runs: readonly RunResult[]): Row {
  const { name, family, breaks, recoveryMsMax, convergenceMsMax } = fault;
  const bounds = `writes again ≤ ${recoveryMsMax / 1000} s, equal ≤ ${convergenceMsMax / 1000} s`;
  const checked: Record<string, number> = {};
  for (const { checked: facts } of runs) {
    for (const [checker, count] of Object.entries(facts)) checked[checker] = (checked[checker] ?? 0) + count;
  }
  return {
    kind: 'real',
    family,
    fault: name,
    invariant: `${breaks}; ${bounds}`,
    runs: runs.length,
    operations: runs.reduce((total, { operations }) => total + operations, 0),
    violations: runs.filter(({ violations }) => violations.length > 0).length,
    undecided: runs.filter(({ doubts }) => doubts.length > 0).length,
    worstRecoveryMs: Math.max(...runs.map(({ recoveryMs }) => recoveryMs)),
    worstConvergeMs: Math.max(...runs.map(({ convergenceMs }) => convergenceMs)),
    checked,
  };
}
