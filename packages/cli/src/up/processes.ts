/**
 * Which process a pid is. Pids are used again, so that one in a file says nothing by itself: what is kept
 * with it is when the process started, and what is compared is its command line. Linux tells by /proc, other
 * systems by ps. A zombie, dead but not yet collected by its parent, counts as gone.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Never the same for two processes, over reboots too. Undefined: no such process. */
export function identityOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return ps(pid, 'lstart=');
  const fields = statFields(pid);
  if (fields === undefined) return undefined;
  return `${bootId()}:${fields[STARTTIME]}`;
}

export function isAlive(pid: number): boolean {
  if (process.platform === 'linux') return statFields(pid) !== undefined;
  const state = ps(pid, 'stat=');
  return state !== undefined && !state.startsWith('Z');
}

/** Undefined when there is no such process. */
export function commandLineOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return ps(pid, 'command=');
  return isAlive(pid) ? readOrUndefined(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ') : undefined;
}

/** False when it was gone already. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Places in /proc/<pid>/stat, counted from the field after the name. */
const STATE = 0;
const STARTTIME = 19;

function statFields(pid: number): string[] | undefined {
  const text = readOrUndefined(`/proc/${pid}/stat`);
  // The name, in parentheses, may hold anything, parentheses and blanks too.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields === undefined || fields[STATE] === 'Z' || fields[STATE] === 'X' ? undefined : fields;
}

function bootId(): string {
  return readOrUndefined('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return undefined;
    throw error;
  }
}

function ps(pid: number, column: string): string | undefined {
  try {
    const text = execFileSync('ps', ['-o', column, '-p', String(pid)], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return text.toString().trim() || undefined;
  } catch {
    return undefined;
  }
}
