/**
 * A thread that runs plans: one at a time, so that a run has all of its process to itself (what nobody caught
 * is told to the process, and belongs to the run).
 */
import { parentPort } from 'node:worker_threads';
import type { HistoryEvent } from '@driftless/checkers';
import type { Plan } from './plan.ts';
import { type Outcome, run } from './run.ts';

export interface Job {
  plan: Plan;
  /** Wanted besides the outcome. */
  history?: boolean;
  trace?: boolean;
}

export interface Done extends Omit<Outcome, 'history'> {
  history?: HistoryEvent[];
  trace?: string[];
}

parentPort?.on('message', async ({ plan, history: wantsHistory, trace: wantsTrace }: Job) => {
  const trace: string[] = [];
  const { history, ...outcome } = await run(plan, wantsTrace ? (line) => void trace.push(line) : undefined);
  const done: Done = { ...outcome, ...(wantsHistory && { history }), ...(wantsTrace && { trace }) };
  parentPort?.postMessage(done);
});
