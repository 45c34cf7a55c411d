/**
 * Run files: `<run dir>/<name>.json`, by which scripts, `up` and the lab find a process.
 *
 * A process writes its file when it listens and removes it when it has drained. After a kill -9 the file
 * stays, so a reader never takes it as proof of life: it says where to look. Files are written beside and
 * renamed, so a reader sees a whole one or none; and a process only removes what is still its own, for its
 * successor may have written since.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface RunFile {
  readonly pid: number;
  /** Where it listens; absent for a process without a port. */
  readonly port?: number | undefined;
  /** ISO 8601, for people. */
  readonly startedAt: string;
  readonly [extra: string]: unknown;
}

const SUFFIX = '.json';

export function writeRunFile(dir: string, name: string, content: RunFile): void {
  mkdirSync(dir, { recursive: true });
  const temporary = join(dir, `.${name}.${process.pid}.tmp`);
  writeFileSync(temporary, `${JSON.stringify(content, null, 2)}\n`);
  renameSync(temporary, join(dir, name + SUFFIX));
}

/** Undefined when there is no such file, or what is there is no run file. */
export function readRunFile(dir: string, name: string): RunFile | undefined {
  const text = textOf(join(dir, name + SUFFIX));
  return text === undefined ? undefined : parse(text);
}

/** Removes the file. With `pid`, only if it is still that process's. */
export function removeRunFile(dir: string, name: string, pid?: number): void {
  if (pid !== undefined && readRunFile(dir, name)?.pid !== pid) return;
  rmSync(join(dir, name + SUFFIX), { force: true });
}

/** All run files of a directory, by name. An absent directory has none. */
export function listRunFiles(dir: string): Map<string, RunFile> {
  const found = new Map<string, RunFile>();
  for (const file of namesIn(dir)) {
    if (!file.endsWith(SUFFIX) || file.startsWith('.')) continue;
    const name = file.slice(0, -SUFFIX.length);
    const content = readRunFile(dir, name);
    if (content !== undefined) found.set(name, content);
  }
  return found;
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function parse(text: string): RunFile | undefined {
  try {
    const value = JSON.parse(text) as Partial<RunFile> | null;
    return typeof value?.pid === 'number' && Number.isSafeInteger(value.pid) && value.pid > 0
      ? (value as RunFile)
      : undefined;
  } catch {
    return undefined;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
