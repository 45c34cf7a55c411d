/**
 * More writes than there is room for: an open loop at a multiple of the peak, over many connections. What is
 * looked at besides its answers is the memory of those that hold writes while they wait.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Measured, Memory, Overload } from '../report/run.ts';
import { overload, type Scenario } from '../scenarios.ts';
import type { ClusterTarget } from '../targets/cluster.ts';
import type { Charged } from '../targets/target.ts';
import type { Say } from './blocks.ts';
import type { Effort } from './effort.ts';
import { peakOf } from './rates.ts';
import { sampleOf } from './sample.ts';
import { residentOf } from './usage.ts';

const holders = ['gateway', 'leader'];
/** Looks at their memory, at even distances; the last one shortly before the load ends. */
const looks = 20;

/** `measured` has the closed loops of which the best is the peak. */
export async function overloadOf(
  target: ClusterTarget,
  scenario: Scenario,
  measured: readonly Measured[],
  { overloadMs, settleMs }: Effort,
  say: Say,
): Promise<Overload> {
  const { timesPeak, peaks, connections } = overload;
  const found = peaks.map((name) => peakOf(name, measured));
  const peak = found.reduce((best, one) => (one.perSecond > best.perSecond ? one : best));
  const perSecond = Math.round(peak.perSecond * timesPeak);
  say(`${timesPeak} times the peak: ${perSecond}/s from ${connections} connections`);
  const watched = (await target.charged()).filter(({ name }) => holders.includes(name));
  const before = residentOf(watched);
  const shape = { ...scenario, connections };
  const loading = sampleOf(target, shape, { warmUpMs: settleMs, measureMs: overloadMs, perSecond });
  const [load, during] = await Promise.all([loading, looksAt(watched, settleMs + overloadMs)]);
  const memory = before && memoryOf(before, during);
  say(`taken ${Math.round(load.perSecond)}/s, refused ${JSON.stringify(load.refusals)}`);
  return {
    seconds: overloadMs / 1000,
    timesPeak,
    connections,
    perSecond,
    peak,
    load,
    ...(memory && { memory }),
  };
}

async function looksAt(charged: readonly Charged[], durationMs: number): Promise<Map<string, number>[]> {
  const found: Map<string, number>[] = [];
  for (let look = 0; look < looks; look += 1) {
    await sleep(durationMs / looks);
    const resident = residentOf(charged);
    if (resident !== undefined) found.push(resident);
  }
  return found;
}

function memoryOf(before: ReadonlyMap<string, number>, during: readonly Map<string, number>[]): Memory[] {
  return [...before].map(([name, beforeBytes]) => {
    const all = during.map((look) => look.get(name) ?? Number.NaN);
    return { name, beforeBytes, endBytes: all.at(-1) ?? Number.NaN, maxBytes: Math.max(...all) };
  });
}
