/** One whole run of the cost curves, axis by axis; the closed loops target by target. */
import { Attempts } from '../measure/attempts.ts';
import { blocksOf, measureTarget, type Say } from '../measure/blocks.ts';
import { Ceilings } from '../measure/ceilings.ts';
import { type Effort, efforts } from '../measure/effort.ts';
import { headOf, secondsSince } from '../measure/head.ts';
import { bootstrapJob } from '../measure/jobs.ts';
import type { RunHead } from '../report/run.ts';
import { type AxisName, closedAxisNames, keyPoints, loadsOf, watcherPoints } from './axes.ts';
import type { CurvesRun } from './run.ts';
import { sizesAt } from './sizes.ts';
import { watchCosts } from './watch.ts';

const quickWatchers = 1000;

/** What the parts of a run share. */
interface Measuring {
  run: CurvesRun;
  ceilings: Ceilings;
  attempts: Attempts;
  effort: Effort;
  say: Say;
}

export async function measureCurves(
  mode: RunHead['mode'],
  only: readonly string[],
  say: Say,
): Promise<{ run: CurvesRun; failed: string[] }> {
  const run: CurvesRun = { ...headOf(mode, only), measured: [], sizes: [], watchers: [], bootstraps: [] };
  const attempts = new Attempts(run.skipped, say);
  const effort = efforts[mode];
  const ceilings = new Ceilings(effort.warmUpMs / 2);
  const measuring = { run, ceilings, attempts, effort, say };
  try {
    await closedLoops(measuring);
    if (isAsked(run, 'keys')) await keyCosts(measuring);
  } finally {
    await ceilings.stop();
  }
  if (isAsked(run, 'watchers')) {
    const most = mode === 'quick' ? quickWatchers : Math.max(...watcherPoints);
    await attempts.attempt(['watchers'], () =>
      watchCosts(most, effort, say, (point) => run.watchers.push(point)),
    );
  }
  if (isAsked(run, 'bootstrap')) {
    for (const keys of keyPoints(mode)) {
      say(`a new replica of ${keys} keys`);
      await attempts.attempt([`bootstrap-${keys}`], async () => {
        run.bootstraps.push(await bootstrapJob(keys));
      });
    }
  }
  run.seconds = secondsSince(run);
  return { run, failed: attempts.failed };
}

async function closedLoops({ run, ceilings, attempts, effort, say }: Measuring): Promise<void> {
  const loads = loadsOf(closedAxisNames.filter((axis) => isAsked(run, axis)));
  for (const blocks of blocksOf(loads)) {
    const names = blocks.flat().map(({ name }) => name);
    await attempts.attempt(names, async () => {
      const nothingMore = (): Promise<void> => Promise.resolve();
      run.measured.push(...(await measureTarget(blocks, ceilings, effort, say, nothingMore)));
    });
  }
}

async function keyCosts({ run, ceilings, attempts, effort, say }: Measuring): Promise<void> {
  for (const keys of keyPoints(run.mode)) {
    await attempts.attempt([`keys-${keys}`], async () => {
      const { sizes, measured } = await sizesAt(keys, ceilings, effort, say);
      run.sizes.push(sizes);
      run.measured.push(...measured);
    });
  }
}

function isAsked({ only }: CurvesRun, axis: AxisName): boolean {
  return only.length === 0 || only.includes(axis);
}
