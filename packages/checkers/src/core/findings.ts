/**
 * What a checker says. `unknown` is a verdict of its own: a search that was cut off, evidence that is not
 * there. It is never passed off as `ok`; and a checker that found nothing to look at says that, too.
 */
import type { Operation } from './history.ts';

export const checkerNames = [
  'lost-writes',
  'resurrections',
  'phantoms',
  'counters',
  'linearizability',
  'read-your-writes',
  'monotonic-reads',
  'monotonic-writes',
  'writes-follow-reads',
  'positions',
  'node-versions',
  'single-writer',
  'convergence',
] as const;
export type CheckerName = (typeof checkerNames)[number];

export type Verdict = 'ok' | 'violated' | 'unknown' | 'nothing to check';

/** Violations that a checker keeps; all are counted. */
export const violationsKeptMax = 100;
/** Reasons for `unknown` that a checker keeps. */
export const doubtsKeptMax = 20;

export interface Violation {
  checker: CheckerName;
  /** What is wrong, as a sentence. */
  message: string;
  key?: string | undefined;
  shard?: number | undefined;
  node?: string | undefined;
  operations: Operation[];
  /** Lines of the file that show it. */
  lines: number[];
}

export interface CheckResult {
  checker: CheckerName;
  verdict: Verdict;
  /** Facts that could have been wrong: operations, rows, observations. */
  checked: number;
  violated: number;
  violations: Violation[];
  /** Why the verdict is, in part, unknown. */
  doubts: string[];
  /** Figures beside the verdict, milliseconds. */
  figures: Record<string, number>;
}

/** Gathers what one checker finds. */
export class Findings {
  checked = 0;
  readonly figures: Record<string, number> = {};
  readonly #checker: CheckerName;
  readonly #violations: Violation[] = [];
  readonly #doubts: string[] = [];
  #violated = 0;
  #unknown = 0;

  constructor(checker: CheckerName) {
    this.#checker = checker;
  }

  add(
    violation: Omit<Violation, 'checker' | 'operations'> & { operations?: (Operation | undefined)[] },
  ): void {
    this.#violated += 1;
    if (this.#violations.length >= violationsKeptMax) return;
    const operations = (violation.operations ?? []).filter((operation) => operation !== undefined);
    this.#violations.push({ ...violation, checker: this.#checker, operations });
  }

  doubt(reason: string): void {
    this.#unknown += 1;
    if (this.#doubts.length < doubtsKeptMax) this.#doubts.push(reason);
  }

  result(): CheckResult {
    const { checked, figures } = this;
    const verdict =
      this.#violated > 0
        ? 'violated'
        : this.#unknown > 0
          ? 'unknown'
          : checked > 0
            ? 'ok'
            : 'nothing to check';
    const found = { violated: this.#violated, violations: this.#violations, doubts: this.#doubts };
    return { checker: this.#checker, verdict, checked, ...found, figures };
  }
}
