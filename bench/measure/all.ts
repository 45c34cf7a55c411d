/**
 * One whole run: target by target, then the jobs.
 */
import type { Job, Measured, Run } from '../report/run.ts';
import { type JobName, openLoops, openName, overload, type Scenario, scenarios } from '../scenarios.ts';
import { ClusterTarget } from '../targets/cluster.ts';
import { Attempts } from './attempts.ts';
import { blocksOf, measureTarget, obstacleOf, type Say, targetName } from './blocks.ts';
import { Ceilings } from './ceilings.ts';
import { type Effort, efforts } from './effort.ts';
import { headOf, secondsSince } from './head.ts';
import { bootstrapJob, importJob } from './jobs.ts';
import { overloadOf } from './overload.ts';
import { openLoopsOf, sustainedOf } from './rates.ts';

/** On this target the loads at fixed rates and the sustained one are put. */
const baseScenario = openLoops[0] as Scenario;

export async function measureAll(
  mode: Run['mode'],
  only: readonly string[],
  say: Say,
): Promise<{ run: Run; failed: string[] }> {
  const run: Run = { ...headOf(mode, only), measured: [], openLoops: [] };
  const failed = await new Measuring(run, efforts[mode], say).all();
  run.seconds = secondsSince(run);
  return { run, failed };
}

class Measuring {
  readonly #run: Run;
  readonly #effort: Effort;
  readonly #say: Say;
  readonly #ceilings: Ceilings;
  readonly #attempts: Attempts;

  constructor(run: Run, effort: Effort, say: Say) {
    this.#run = run;
    this.#effort = effort;
    this.#say = say;
    this.#attempts = new Attempts(run.skipped, say);
    this.#ceilings = new Ceilings(effort.warmUpMs / 2);
  }

  /** Names of what failed. */
  async all(): Promise<string[]> {
    try {
      for (const blocks of blocksOf(scenarios.filter((scenario) => this.#isNeeded(scenario)))) {
        await this.#target(blocks);
      }
    } finally {
      await this.#ceilings.stop();
    }
    const { importRecords, bootstrapKeys } = this.#effort;
    await this.#job('import', () => importJob(importRecords));
    await this.#job('bootstrap', () => bootstrapJob(bootstrapKeys));
    return this.#attempts.failed;
  }

  async #target(blocks: readonly Scenario[][]): Promise<void> {
    const [first] = blocks.flat() as [Scenario];
    const names = blocks.flat().map(({ name }) => name);
    const reason = obstacleOf(first);
    if (reason !== undefined) return this.#attempts.skip(names, reason);
    await this.#attempts.attempt(names, async () => {
      const after = (target: unknown, measured: readonly Measured[]): Promise<void> =>
        target instanceof ClusterTarget && targetName(first) === targetName(baseScenario)
          ? this.#rates(target, measured)
          : Promise.resolve();
      const measured = await measureTarget(blocks, this.#ceilings, this.#effort, this.#say, after);
      this.#run.measured.push(...measured);
    });
  }

  async #rates(target: ClusterTarget, measured: readonly Measured[]): Promise<void> {
    for (const scenario of openLoops) {
      if (!this.#isAsked(openName(scenario.name))) continue;
      const found = await openLoopsOf(target, scenario, measured, this.#effort, this.#say);
      this.#run.openLoops.push(...found);
    }
    if (this.#isAsked('sustained')) {
      this.#say('as many writes as are taken, for a while');
      this.#run.sustained = await sustainedOf(target, baseScenario, this.#effort);
    }
    if (this.#isAsked('overload')) {
      this.#run.overload = await overloadOf(target, baseScenario, measured, this.#effort, this.#say);
    }
  }

  async #job(name: 'import' | 'bootstrap', measure: () => Promise<Job>): Promise<void> {
    if (!this.#isAsked(name)) return;
    this.#say(name);
    await this.#attempts.attempt([name], async () => {
      this.#run[name] = await measure();
    });
  }

  #isAsked(name: string | JobName): boolean {
    const { only } = this.#run;
    return only.length === 0 || only.includes(name);
  }

  /** A load at a part or a multiple of the peak needs the peak; the sustained one a cluster that is warm. */
  #isNeeded({ name }: Scenario): boolean {
    const forOpenLoop = openLoops.some((one) => one.name === name) && this.#isAsked(openName(name));
    const forSustained = name === baseScenario.name && this.#isAsked('sustained');
    const forOverload = overload.peaks.some((one) => one === name) && this.#isAsked('overload');
    return this.#isAsked(name) || forOpenLoop || forSustained || forOverload;
  }
}
