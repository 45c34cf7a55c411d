/** Sums up runs, for people and for docs/reliability.md. */
import { type Plan, type Profile, profiles } from './plan.ts';
import type { Violation } from './run.ts';
import type { Done } from './worker.ts';

const meaning: Record<Profile, { fault: string; invariant: string }> = {
  calm: { fault: 'none', invariant: 'all checkers; nothing acknowledged is lost' },
  nodes: {
    fault: 'nodes die at any call, hang, restart; slow disks; links stall, break, lose calls and answers',
    invariant: 'all checkers; nothing acknowledged by stream, majority or all is lost',
  },
  jetstream: {
    fault: 'streams deleted, purged, trimmed, gone back; leases lost; servers away; deliveries wrong',
    invariant: 'all checkers; nothing acknowledged by stream, majority or all is lost',
  },
  power: {
    fault: 'power failures, lost disks, old copies of files put back, a node at a time',
    invariant: 'all checkers; nothing acknowledged by stream, majority or all is lost',
  },
  rot: {
    fault: 'rows on disks change by themselves, a node at a time',
    invariant: 'all checkers; no such row is shown or kept, nothing acknowledged is lost',
  },
  everything: {
    fault: 'all of these at once',
    invariant: 'all checkers; nothing acknowledged by majority or all is lost',
  },
};

interface Row {
  kind: 'simulation';
  fault: string;
  invariant: string;
  runs: number;
  operations: number;
  violations: number;
  worstRecoveryMs: number;
}

export class Report {
  readonly #rows = new Map<Profile, Row>();
  readonly #counts: Record<string, number> = {};
  readonly violations: { seed: number; profile: Profile; violations: Violation[] }[] = [];
  seeds = 0;
  operations = 0;
  worstRecoveryMs = 0;

  add({ profile, seed }: Plan, outcome: Done): void {
    const { violations, recoveryMs, counts, answered } = outcome;
    const row = this.#rows.get(profile) ?? {
      kind: 'simulation' as const,
      ...meaning[profile],
      runs: 0,
      operations: 0,
      violations: 0,
      worstRecoveryMs: 0,
    };
    this.#rows.set(profile, row);
    row.runs += 1;
    row.operations += answered;
    row.violations += Math.min(1, violations.length);
    row.worstRecoveryMs = Math.max(row.worstRecoveryMs, Math.round(recoveryMs));
    for (const [name, count] of Object.entries(counts)) {
      this.#counts[name] = (this.#counts[name] ?? 0) + count;
    }
    this.seeds += 1;
    this.operations += answered;
    this.worstRecoveryMs = Math.max(this.worstRecoveryMs, Math.round(recoveryMs));
    if (violations.length > 0) this.violations.push({ seed, profile, violations });
  }

  /** `operations`: those that were answered, and so judged. Times are virtual milliseconds. */
  json(): object {
    const { seeds, operations, worstRecoveryMs, violations } = this;
    const names = Object.keys(this.#counts).sort();
    const faults = names.filter((name) => name.startsWith('fault '));
    const met = names.filter((name) => !name.startsWith('fault'));
    return {
      kind: 'simulation',
      seeds,
      operations,
      worstRecoveryMs,
      faults: Object.fromEntries(faults.map((name) => [name.slice('fault '.length), this.#counts[name]])),
      met: Object.fromEntries(met.map((name) => [name, this.#counts[name]])),
      violations,
      rows: profiles.flatMap((profile) => this.#rows.get(profile) ?? []),
    };
  }
}
