/** Sums up runs, a row a fault, for docs/reliability.md. Sums of earlier runs are gone on with. */
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

export function summaryOf(before: Summary, results: readonly RunResult[]): Summary {
  const byFault = Map.groupBy(results, ({ fault }) => fault);
  const rows = faults.flatMap((fault) => {
    const earlier = before.rows.find((row) => row.fault === fault.name);
    const runs = byFault.get(fault.name);
    if (!runs) return earlier ?? [];
    return [rowOf(fault, runs, earlier)];
  });
  const known = new Set(rows.map(({ fault }) => fault));
  const skipped = faults.flatMap(({ name, obstacle }) =>
    known.has(name) ? [] : [`${name}: ${obstacle?.() ?? 'no runs yet'}`],
  );
  return { rows, skipped };
}

function rowOf(fault: Fault, runs: readonly RunResult[], earlier?: Row): Row {
  const { name, family, breaks, recoveryMsMax, convergenceMsMax } = fault;
  const bounds = `writes again ≤ ${recoveryMsMax / 1000} s, equal ≤ ${convergenceMsMax / 1000} s`;
  const checked: Record<string, number> = { ...earlier?.checked };
  const sum = (start = 0, of: (run: RunResult) => number): number =>
    runs.reduce((total, run) => total + of(run), start);
  const worst = (start = 0, of: (run: RunResult) => number): number => Math.max(start, ...runs.map(of));
  for (const { checked: facts } of runs) {
    for (const [checker, count] of Object.entries(facts)) checked[checker] = (checked[checker] ?? 0) + count;
  }
  return {
    kind: 'real',
    family,
    fault: name,
    invariant: `${breaks}; ${bounds}`,
    runs: sum(earlier?.runs, () => 1),
    operations: sum(earlier?.operations, ({ operations }) => operations),
    violations: sum(earlier?.violations, ({ violations }) => Number(violations.length > 0)),
    undecided: sum(earlier?.undecided, ({ doubts }) => Number(doubts.length > 0)),
    worstRecoveryMs: worst(earlier?.worstRecoveryMs, ({ recoveryMs }) => recoveryMs),
    worstConvergeMs: worst(earlier?.worstConvergeMs, ({ convergenceMs }) => convergenceMs),
    checked,
  };
}
