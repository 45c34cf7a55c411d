/** Running other programs, with a time limit, and looking them up on PATH. */
import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export type Env = Readonly<Record<string, string | undefined>>;

export interface CommandOptions {
  readonly env: Env;
  readonly timeoutMs: number;
  readonly cwd?: string | undefined;
}

export interface CommandResult {
  readonly ok: boolean;
  readonly stdout: string;
  /** For people: the last line that says why it failed. */
  readonly reason: string;
}

const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;
const REASON_CHARS_MAX = 200;

/** Never rejects: a command that is missing, fails or takes too long is a result that is not ok. */
export function runCommand(
  file: string,
  args: readonly string[],
  { env, timeoutMs, cwd }: CommandOptions,
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const options = {
      env,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: OUTPUT_BYTES_MAX,
      cwd,
    } as const;
    execFile(file, [...args], options, (error, stdout, stderr) => {
      if (error === null) return resolve({ ok: true, stdout, reason: '' });
      const reason = error.killed
        ? `took longer than ${timeoutMs / 1000} s`
        : (lastLine(stderr) ?? error.message);
      resolve({ ok: false, stdout, reason: reason.slice(0, REASON_CHARS_MAX) });
    });
  });
}

/** All executables of that name on PATH, in order. */
export function findOnPath(name: string, env: Env): string[] {
  const dirs = (env.PATH ?? '').split(delimiter).filter((dir) => dir !== '');
  return dirs.map((dir) => join(dir, name)).filter(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function lastLine(text: string): string | undefined {
  return text.trim().split('\n').pop() || undefined;
}
