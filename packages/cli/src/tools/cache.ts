/**
 * Where binaries that we install are kept: `~/.cache/driftless/<tool>/<version>/<tool>`. It belongs to the
 * user, not to a clone, so that a fresh clone starts at once. An installer works in a directory beside it,
 * which is renamed when it is complete: two that install at the same time can't see each other's halves.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Env, isExecutable } from './command.ts';

const PROGRESS_INTERVAL_MS = 10_000;

export type Say = (line: string) => void;

export class ToolCache {
  readonly tool: string;
  readonly dir: string;

  constructor(tool: string, env: Env) {
    this.tool = tool;
    this.dir = join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'driftless', tool);
  }

  binary(version: string): string {
    return join(this.dir, version, this.tool);
  }

  /** Versions that are there, in no order. */
  versions(): string[] {
    return namesIn(this.dir).filter(
      (name) => /^\d+\.\d+\.\d+$/.test(name) && isExecutable(this.binary(name)),
    );
  }

  /**
   * Keeps what `install` has put into the directory that it was given, and says how it goes. Throws what
   * `install` throws, and leaves nothing behind then.
   */
  async fill(
    action: string,
    say: Say,
    install: (dir: string) => Promise<{ binary: string; version: string }>,
  ): Promise<{ binary: string; version: string }> {
    mkdirSync(this.dir, { recursive: true });
    const dir = mkdtempSync(join(this.dir, '.install-'));
    say(`${this.tool}: none found; ${action} (once; it is kept in ${this.dir})`);
    const startedAt = performance.now();
    const seconds = (): string => `${Math.round((performance.now() - startedAt) / 1000)} s`;
    const progress = setInterval(() => say(`${this.tool}: still at it, ${seconds()}`), PROGRESS_INTERVAL_MS);
    try {
      const { binary, version } = await install(dir);
      const kept = this.#keep(binary, version);
      say(`${this.tool}: ${version} is there, after ${seconds()}`);
      return { binary: kept, version };
    } finally {
      clearInterval(progress);
      rmSync(dir, { recursive: true, force: true });
    }
  }

  /** Renames the directory that holds the binary; if another was faster, theirs is as good. */
  #keep(installed: string, version: string): string {
    chmodSync(installed, 0o755);
    const target = this.binary(version);
    const staged = mkdtempSync(join(dirname(installed), 'staged-'));
    renameSync(installed, join(staged, this.tool));
    chmodSync(staged, 0o755);
    try {
      renameSync(staged, join(this.dir, version));
    } catch (error) {
      if (isExecutable(target)) return target;
      throw error;
    }
    return target;
  }
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
