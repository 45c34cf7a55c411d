/** Latency and lag at fixed rates (open loop), and lag under as much as is taken for a while. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Measured, OpenLoop, Overload, Sample, Sustained } from '../report/run.ts';
import { partsOfPeak, type Scenario } from '../scenarios.ts';
import { median } from '../statistics.ts';
import type { ClusterTarget } from '../targets/cluster.ts';
import type { Say } from './blocks.ts';
import type { Effort } from './effort.ts';
import { lagBetween } from './lag.ts';
import { sampleOf } from './sample.ts';

const sustainedParts = 3;

/** `measured` has the scenario's closed loop: its median is the peak. */
export async function openLoopsOf(
  target: ClusterTarget,
  scenario: Scenario,
  measured: readonly Measured[],
  { openLoopMs, settleMs }: Effort,
  say: Say,
): Promise<OpenLoop[]> {
  const peak = peakOf(scenario.name, measured).perSecond;
  const found: OpenLoop[] = [];
  await target.fill(scenario.keys, scenario.valueBytes);
  for (const percentOfPeak of partsOfPeak) {
    const perSecond = Math.round((peak * percentOfPeak) / 100);
    const before = await target.lagBuckets();
    const load = await sampleOf(target, scenario, { warmUpMs: settleMs, measureMs: openLoopMs, perSecond });
    const lag = lagBetween(before, await target.lagBuckets());
    found.push({
      scenario: scenario.name,
      percentOfPeak,
      perSecond,
      load,
      ...(scenario.what === 'put' && { lag }),
    });
    say(
      `${scenario.name} at ${perSecond}/s: p50 ${load.p50Ms.toFixed(1)} ms, p99 ${load.p99Ms.toFixed(1)} ms`,
    );
  }
  return found;
}

/** The closed loop of a scenario: medians of its rounds. */
export function peakOf(name: string, measured: readonly Measured[]): Overload['peak'] {
  const rounds = measured.find(({ scenario }) => scenario === name)?.rounds ?? [];
  const middle = (of: (sample: Sample) => number): number => median(rounds.map(({ sample }) => of(sample)));
  return {
    scenario: name,
    perSecond: middle(({ perSecond }) => perSecond),
    p99Ms: middle(({ p99Ms }) => p99Ms),
    generatorCores: middle(({ cores }) => cores),
  };
}

export async function sustainedOf(
  target: ClusterTarget,
  scenario: Scenario,
  { sustainedMs, settleMs }: Effort,
): Promise<Sustained> {
  const running = sampleOf(target, scenario, { warmUpMs: settleMs, measureMs: sustainedMs });
  await sleep(settleMs);
  const looks = [await target.lagBuckets()];
  for (let part = 0; part < sustainedParts; part += 1) {
    await sleep(sustainedMs / sustainedParts);
    looks.push(await target.lagBuckets());
  }
  const load = await running;
  const lags = looks.slice(1).map((look, i) => lagBetween(looks[i] as typeof look, look));
  return { seconds: sustainedMs / 1000, load, lags };
}
