/** Runs for tests: of given ratios, on a machine that never was. */
import { generatorName, type Measured, type Overload, type Run, type Sample } from './run.ts';

const ceilingPerSecond = 1000;

export function sampleOf(perSecond: number, micros = 10): Sample {
  const latencies = { p50Ms: 1, p90Ms: 2, p99Ms: 3, p999Ms: 4, maxMs: 5 };
  const cpuMicrosEach = { server: micros, [generatorName]: 99 };
  const writtenBytesEach = { server: 200 };
  const counts = { ok: 100, refused: 0, refusals: {}, unanswered: 0 };
  return { perSecond, ...latencies, ...counts, cpuMicros: 1, cores: 0.2, cpuMicrosEach, writtenBytesEach };
}

/** A round for each ratio; a request costs so many times the ceiling's CPU time. */
export function measuredWith(scenario: string, ratios: readonly number[], cost = 2): Measured {
  const rounds = ratios.map((ratio) => ({
    ceiling: sampleOf(ceilingPerSecond),
    sample: sampleOf(ratio * ceilingPerSecond, 10 * cost),
  }));
  return { scenario, rounds };
}

const mebibyte = 2 ** 20;

/** 800 of 1,000 a second were taken, by 1.35 cores instead of 1.8. */
export function overloadWith(load: Partial<Sample>): Overload {
  const refusals = { 429: 76, 503: 19, 500: 5 };
  const answers = { p99Ms: 10, refused: 100, refusals, refusedP99Ms: 2, unanswered: 0, cores: 0.65 };
  const memory = (name: string, endMiB: number) => ({
    name,
    beforeBytes: 100 * mebibyte,
    endBytes: endMiB * mebibyte,
    maxBytes: 170 * mebibyte,
  });
  return {
    seconds: 20,
    timesPeak: 3,
    connections: 2048,
    perSecond: 3000,
    peak: { scenario: 'put', perSecond: ceilingPerSecond, p99Ms: 4, generatorCores: 0.2 },
    load: { ...sampleOf(800), ...answers, ...load },
    memory: [memory('gateway', 90), memory('leader', 165)],
  };
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
