/**
 * A thread that runs plans: one at a time, so that a run has all of its process to itself (what nobody caught
 * is told to the process, and belongs to the run).
 */
import { parentPort } from 'node:worker_threads';
import type { HistoryEvent } from '@driftless/checkers';
import type { Mutant } from './mutants.ts';
import type { Plan } from './plan.ts';
import { type Outcome, run } from './run.ts';

export interface Job {
  plan: Plan;
  mutant?: Mutant | undefined;
  /** Wanted besides the outcome. */
  history?: boolean;
  trace?: boolean;
}

export interface Done extends Omit<Outcome, 'history'> {
  history?: HistoryEvent[];
  trace?: string[];
}

parentPort?.on('message', async ({ plan, mutant, history: wantsHistory, trace: wantsTrace }: Job) => {
  const trace: string[] = [];
  const onTrace = wantsTrace ? (line: string) => void trace.push(line) : undefined;
  const { history, ...outcome } = await run(plan, { onTrace, mutant });
  const done: Done = { ...outcome, ...(wantsHistory && { history }), ...(wantsTrace && { trace }) };
  parentPort?.postMessage(done);
});
