/** What watchers cost: writes at a fixed rate, of which every one goes to every watcher. */
import { Watchers } from '../load/watchers-process.ts';
import { type Say, startCluster } from '../measure/blocks.ts';
import type { Effort } from '../measure/effort.ts';
import { sampleOf } from '../measure/sample.ts';
import { usageOf } from '../measure/usage.ts';
import { base, cluster as shape } from '../scenarios.ts';
import type { ClusterTarget } from '../targets/cluster.ts';
import { watchedPerSecond, watcherPoints } from './axes.ts';
import type { WatchPoint } from './run.ts';

/** Every key of the load begins so. */
const prefix = 'key';
/** How long the last changes are waited for. */
const deliveryMsMax = 10_000;
/** A gateway takes fewer by default. */
const gatewayEnv = { DRIFTLESS_WATCHERS_MAX: '20000', DRIFTLESS_IN_FLIGHT_MAX: '30000' };
const puts = { ...base, what: 'put' } as const;
/** Enough for so few writes. */
const connections = 8;
/** Writes before the measured ones, so that new watchers are no part of it. */
const firstMs = 2000;

/** Each point as soon as it is known. */
export async function watchCosts(
  mostWatchers: number,
  effort: Effort,
  say: Say,
  found: (point: WatchPoint) => void,
): Promise<void> {
  const target = await startCluster(shape, { gatewayEnv });
  try {
    await target.fill(base.keys, base.valueBytes);
    await sampleOf(target, puts, { warmUpMs: 0, measureMs: effort.warmUpMs });
    for (const watchers of watcherPoints.filter((count) => count <= mostWatchers)) {
      say(`${watchers} watchers`);
      const point = await pointOf(target, watchers, effort);
      found(point);
      const { delivered } = point;
      if (delivered !== undefined) {
        const { events, p50Ms, p99Ms } = delivered;
        say(`${events} of ${point.due} delivered, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`);
      }
    }
  } finally {
    await target.stop();
  }
}

async function pointOf(target: ClusterTarget, watchers: number, { watchMs }: Effort): Promise<WatchPoint> {
  const perSecond = watchedPerSecond;
  const put = (measureMs: number) =>
    sampleOf(target, { ...puts, connections }, { warmUpMs: 0, measureMs, perSecond });
  const process = watchers > 0 ? await Watchers.start({ ports: target.ports, prefix, watchers }) : undefined;
  try {
    const warm = await put(firstMs);
    await process?.report(warm.ok * watchers, deliveryMsMax);
    process?.begin();
    const charged = await target.charged();
    const startedAt = performance.now();
    const before = usageOf(charged);
    const { ok } = await put(watchMs);
    const delivered = await process?.report(ok * watchers, deliveryMsMax);
    const after = usageOf(charged);
    const seconds = (performance.now() - startedAt) / 1000;
    const point = { watchers, perSecond, writes: ok, due: ok * watchers, seconds };
    const micros = [...(after ?? [])].map(([name, usage]) => [
      name,
      usage.micros - (before?.get(name)?.micros ?? 0),
    ]);
    return {
      ...point,
      ...(delivered && { delivered }),
      ...(after && { cpuMicros: Object.fromEntries(micros) }),
    };
  } finally {
    await process?.stop();
  }
}
