/** The log file of a child, opened for each start of it; a large one is put aside first, and one is kept. */
import { closeSync, mkdirSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

const LOG_BYTES_MAX = 16 * 1024 * 1024;
const TAIL_BYTES = 4 * 1024;

export function logPath(dir: string, name: string): string {
  return join(dir, `${name}.log`);
}

/** A file descriptor to append to. The caller closes it. */
export function openLog(dir: string, name: string): number {
  mkdirSync(dir, { recursive: true });
  const path = logPath(dir, name);
  if (sizeOf(path) > LOG_BYTES_MAX) renameSync(path, `${path}.1`);
  return openSync(path, 'a');
}

/** The last line of a log, for a person who has to see why a process died. */
export function lastLine(dir: string, name: string): string | undefined {
  const path = logPath(dir, name);
  const size = sizeOf(path);
  if (size === 0) return undefined;
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(file, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8').trimEnd().split('\n').at(-1);
  } finally {
    closeSync(file);
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
