/** Runs for tests: of given ratios, on a machine that never was. */
import { generatorName, type Measured, type Run, type Sample } from './run.ts';

const ceilingPerSecond = 1000;

export function sampleOf(perSecond: number, micros = 10): Sample {
  const latencies = { p50Ms: 1, p90Ms: 2, p99Ms: 3, p999Ms: 4, maxMs: 5 };
  const cpuMicrosEach = { server: micros, [generatorName]: 99 };
  return { perSecond, ...latencies, ok: 100, refused: 0, unanswered: 0, cpuMicros: 1, cpuMicrosEach };
}

/** A round for each ratio; a request costs so many times the ceiling's CPU time. */
export function measuredWith(scenario: string, ratios: readonly number[], cost = 2): Measured {
  const rounds = ratios.map((ratio) => ({
    ceiling: sampleOf(ceilingPerSecond),
    sample: sampleOf(ratio * ceilingPerSecond, 10 * cost),
  }));
  return { scenario, rounds };
}

export function runWith(measured: Measured[], more: Partial<Run> = {}): Run {
  return {
    format: 1,
    startedAt: '2026-01-02T03:04:05.000Z',
    seconds: 600,
    mode: 'usual',
    only: [],
    rounds: 3,
    measureMs: 3000,
    machine: {
      cores: 2,
      processor: 'Abacus',
      memoryGiB: 1,
      system: 'Linux 6',
      versions: { Node: '26.0.0' },
      loadAverageBefore: 0.1,
    },
    measured,
    openLoops: [],
    skipped: [],
    ...more,
  };
}
