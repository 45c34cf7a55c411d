/** One load on one target, with what it cost in CPU time. */
import type { LoadPlan } from '../load/plan.ts';
import { runLoad } from '../load/run.ts';
import { generatorName, type Sample } from '../report/run.ts';
import type { Ask, Target } from '../targets/target.ts';
import { cpuOf } from './cpu.ts';

export interface Shape extends Ask {
  connections: number;
  keys: number;
}

type Times = Pick<LoadPlan, 'warmUpMs' | 'measureMs' | 'perSecond'>;

export async function sampleOf(target: Target, shape: Shape, times: Times): Promise<Sample> {
  const { connections, keys } = shape;
  const request = await target.request(shape);
  const charged = await target.charged();
  const before = cpuOf(charged);
  const report = await runLoad({ ports: target.ports, request, keys, connections, ...times });
  const after = cpuOf(charged);
  if (report.ok === 0) throw new Error(`Nothing was answered: ${JSON.stringify({ request, report })}`);
  if (before === undefined || after === undefined) return report;
  const each = [...after].map(([name, micros]): [string, number] => [
    name,
    (micros - (before.get(name) ?? 0)) / report.ok,
  ]);
  const cpuMicrosEach = { ...Object.fromEntries(each), [generatorName]: report.cpuMicros / report.ok };
  return { ...report, cpuMicrosEach };
}
