/** What a run tells of itself, at its begin. */
import type { RunHead } from '../report/run.ts';
import { efforts } from './effort.ts';
import { machineOf } from './machine.ts';

export function headOf(mode: RunHead['mode'], only: readonly string[]): RunHead {
  const { rounds, measureMs } = efforts[mode];
  return {
    format: 1,
    startedAt: new Date().toISOString(),
    seconds: 0,
    mode,
    only: [...only],
    rounds,
    measureMs,
    machine: machineOf(),
    skipped: [],
  };
}

export function secondsSince({ startedAt }: RunHead): number {
  return Math.round((Date.now() - Date.parse(startedAt)) / 1000);
}
