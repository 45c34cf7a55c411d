/** One load on one target, with what it cost in CPU time and in bytes written. */
import type { LoadPlan } from '../load/plan.ts';
import { runLoad } from '../load/run.ts';
import { generatorName, type Sample } from '../report/run.ts';
import type { Ask, Target } from '../targets/target.ts';
import { type Usage, usageOf } from './usage.ts';

export interface Shape extends Ask {
  connections: number;
  keys: number;
}

type Times = Pick<LoadPlan, 'warmUpMs' | 'measureMs' | 'perSecond'>;

export async function sampleOf(target: Target, shape: Shape, times: Times): Promise<Sample> {
  const { connections, keys } = shape;
  const request = await target.request(shape);
  const charged = await target.charged();
  const before = usageOf(charged);
  const report = await runLoad({ ports: target.ports, request, keys, connections, ...times });
  const after = usageOf(charged);
  if (report.ok === 0) throw new Error(`Nothing was answered: ${JSON.stringify({ request, report })}`);
  if (before === undefined || after === undefined) return report;
  const each = (of: (usage: Usage) => number): Record<string, number> =>
    Object.fromEntries(
      [...after].map(([name, usage]) => {
        const then = before.get(name);
        return [name, (of(usage) - (then === undefined ? 0 : of(then))) / report.ok];
      }),
    );
  const writtenBytesEach = each(({ writtenBytes }) => writtenBytes);
  return {
    ...report,
    cpuMicrosEach: { ...each(({ micros }) => micros), [generatorName]: report.cpuMicros / report.ok },
    ...(Object.values(writtenBytesEach).every(Number.isFinite) && { writtenBytesEach }),
  };
}
