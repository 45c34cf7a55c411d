/** All checkers over one history, in the order of what hurts most. */
import { checkConvergence } from './convergence.ts';
import { checkCounters } from './counters.ts';
import type { CheckerName, CheckResult, Verdict } from './findings.ts';
import type { History } from './history.ts';
import { checkLinearizability } from './linearizability.ts';
import { checkLostWrites } from './lost-writes.ts';
import { checkNodeVersions } from './node-versions.ts';
import { checkPhantoms } from './phantoms.ts';
import { checkPositions } from './positions.ts';
import { checkResurrections } from './resurrections.ts';
import {
  checkMonotonicReads,
  checkMonotonicWrites,
  checkReadYourWrites,
  checkWritesFollowReads,
} from './sessions.ts';
import { checkSingleWriter } from './single-writer.ts';

export interface CheckOptions {
  /** Published bound of convergence; without it the time is only measured. */
  convergedWithinMs?: number | undefined;
  /** Configurations that the search for a linear order may visit, a key. */
  configurationsMax?: number | undefined;
}

const checkers: Record<CheckerName, (history: History, options: CheckOptions) => CheckResult> = {
  'lost-writes': checkLostWrites,
  resurrections: checkResurrections,
  phantoms: checkPhantoms,
  counters: checkCounters,
  linearizability: (history, { configurationsMax }) => checkLinearizability(history, configurationsMax),
  'read-your-writes': checkReadYourWrites,
  'monotonic-reads': checkMonotonicReads,
  'monotonic-writes': checkMonotonicWrites,
  'writes-follow-reads': checkWritesFollowReads,
  positions: checkPositions,
  'node-versions': checkNodeVersions,
  'single-writer': checkSingleWriter,
  convergence: (history, { convergedWithinMs }) => checkConvergence(history, convergedWithinMs),
};

export function checkHistory(history: History, options: CheckOptions = {}): CheckResult[] {
  return Object.values(checkers).map((check) => check(history, options));
}

/** The whole is what its worst part is. A history that nothing could be checked in proves nothing. */
export function overallVerdict(results: readonly CheckResult[]): Verdict {
  for (const verdict of ['violated', 'unknown', 'ok'] as const) {
    if (results.some((result) => result.verdict === verdict)) return verdict;
  }
  return 'nothing to check';
}
