/**
 * Makes a failing plan shorter, as long as it goes on failing by the same checker: first without faults and
 * operations that it doesn't need, by halves and then one by one, then with a simpler cluster. (The idea is
 * Zeller and Hildebrandt's delta debugging, 2002.)
 */
import type { Plan } from './plan.ts';

export interface ShrinkOptions {
  /** Whether a plan still fails in the way that is looked for. */
  fails(plan: Plan): Promise<boolean>;
  /** Runs at most. */
  runsMax: number;
}

export async function shrink(plan: Plan, { fails, runsMax }: ShrinkOptions): Promise<Plan> {
  let runs = 0;
  const check = async (candidate: Plan): Promise<boolean> => {
    runs += 1;
    return runs <= runsMax && (await fails(candidate));
  };
  let best = plan;
  for (let size = Number.POSITIVE_INFINITY; sizeOf(best) < size && runs < runsMax; ) {
    size = sizeOf(best);
    best = await without(best, 'faults', check);
    best = await without(best, 'operations', check);
    for (const simpler of simplerThan(best)) if (await check(simpler)) best = simpler;
  }
  return best;
}

function sizeOf({ faults, operations }: Plan): number {
  return faults.length + operations.length;
}

/** Leaves out ever smaller parts of a list. */
async function without(
  plan: Plan,
  list: 'faults' | 'operations',
  check: (plan: Plan) => Promise<boolean>,
): Promise<Plan> {
  let best = plan;
  for (let part = Math.ceil(best[list].length / 2); part >= 1; part = part === 1 ? 0 : Math.ceil(part / 2)) {
    for (let from = 0; from < best[list].length; ) {
      const kept = (best[list] as unknown[]).filter((_, i) => i < from || i >= from + part);
      const candidate = { ...best, [list]: kept } as Plan;
      if (await check(candidate)) best = candidate;
      else from += part;
    }
  }
  return best;
}

function simplerThan(plan: Plan): Plan[] {
  const simpler: Plan[] = [];
  if (plan.skewMs.some((ms) => ms !== 0)) simpler.push({ ...plan, skewMs: plan.skewMs.map(() => 0) });
  if (plan.antiEntropy) simpler.push({ ...plan, antiEntropy: false });
  if (plan.gateways > 1) simpler.push({ ...plan, gateways: 1 });
  for (const name of Object.keys(plan.config)) {
    const { [name]: _, ...config } = plan.config;
    simpler.push({ ...plan, config });
  }
  return simpler;
}
