/**
 * Runs faults, several times each, on as few clusters as possible: a cluster is used again for the next run
 * until a run went wrong on it. Anti-entropy runs through all of them. Histories of runs that went wrong are
 * kept, with the logs of the processes.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestCluster } from '../../harness/cluster.ts';
import type { Fault } from './fault.ts';
import { type RunResult, Runs } from './run.ts';

export interface CampaignOptions {
  /** Where histories and logs of failed runs go. */
  failuresDir: string;
  onResult?: (result: RunResult) => void;
}

/** Runs on one cluster, past which it is made anew: dumps grow with every run. */
const runsPerClusterMax = 8;

/** Replicas are compared, and would be repaired, many times in a run. */
const healing = { DRIFTLESS_ROUND_EVERY_MS: '2000' };

export class Campaign {
  readonly #options: CampaignOptions;
  readonly #histories = mkdtempSync(join(tmpdir(), 'driftless-histories-'));
  #runs: Runs | undefined;
  #clusterOptions = '';
  #count = 0;

  constructor(options: CampaignOptions) {
    this.#options = options;
  }

  async run(fault: Fault, seed: number): Promise<RunResult> {
    const historyFile = join(this.#histories, 'history.ndjson');
    rmSync(historyFile, { force: true });
    const result = await this.#attempt(fault, seed, historyFile).catch((error: unknown) =>
      failed(fault, seed, error),
    );
    if (result.violations.length > 0 || result.doubts.length > 0) {
      this.#keep(result, historyFile);
      await this.#stopCluster();
    }
    this.#options.onResult?.(result);
    return result;
  }

  async #attempt(fault: Fault, seed: number, historyFile: string): Promise<RunResult> {
    const runs = await this.#runsFor(fault);
    this.#count += 1;
    return runs.run(fault, { seed, number: this.#count, historyFile });
  }

  async end(): Promise<void> {
    await this.#stopCluster();
    rmSync(this.#histories, { recursive: true, force: true });
  }

  async #runsFor(fault: Fault): Promise<Runs> {
    const cluster = { antiEntropy: healing, ...fault.cluster };
    const wanted = JSON.stringify(cluster, (_, value) =>
      typeof value === 'function' ? String(value) : value,
    );
    if (wanted !== this.#clusterOptions || this.#count >= runsPerClusterMax) await this.#stopCluster();
    this.#clusterOptions = wanted;
    this.#runs ??= new Runs(await TestCluster.start(cluster));
    return this.#runs;
  }

  async #stopCluster(): Promise<void> {
    await this.#runs?.cluster.stop();
    this.#runs = undefined;
    this.#count = 0;
  }

  #keep({ fault, seed }: RunResult, historyFile: string): void {
    const folder = join(this.#options.failuresDir, `${fault.replaceAll(/[^a-z0-9]+/gi, '-')}-${seed}`);
    mkdirSync(folder, { recursive: true });
    if (existsSync(historyFile)) copyFileSync(historyFile, join(folder, 'history.ndjson'));
    const cluster = this.#runs?.cluster;
    for (const part of cluster?.processes ?? [])
      writeFileSync(join(folder, `${part.name}.log`), part.output());
  }
}

/** A run that came to no end is a violation: the cluster did not do in time what it must. */
function failed({ name }: Fault, seed: number, error: unknown): RunResult {
  const causes: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) causes.push(at.message);
  const figures = { operations: 0, checked: {}, recoveryMs: 0, convergenceMs: 0, durationMs: 0 };
  return { fault: name, seed, violations: [`run: ${causes.join(': ')}`], doubts: [], ...figures };
}
