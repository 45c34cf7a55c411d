/** Tools of the machine that some faults need: found, or the reason why not. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** All files of that name on PATH, in order. */
export function findOnPath(name: string): string[] {
  const dirs = (process.env.PATH ?? '').split(delimiter).filter((dir) => dir !== '');
  return dirs.map((dir) => join(dir, name)).filter((path) => existsSync(path));
}

/** Why no small disk can be mounted here; undefined when one can. */
export function mountObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'a small disk is a tmpfs, which only Linux has';
  if (process.getuid?.() !== 0) return 'mounting a tmpfs needs root';
  const probe = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']);
  return probe.status === 0 ? undefined : 'this machine does not allow to mount a tmpfs';
}

/** Why system calls can't be made to fail here. */
export function straceObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'strace is a tool of Linux';
  const probe = spawnSync('strace', ['-e', 'inject=fsync:error=EIO', 'true']);
  if (probe.error) return 'strace is not installed (Debian: apt-get install strace)';
  return probe.status === 0 ? undefined : 'this machine does not allow to trace processes';
}

const fakeTimeDirs = [
  '/usr/lib/x86_64-linux-gnu/faketime',
  '/usr/lib/aarch64-linux-gnu/faketime',
  '/usr/lib64/faketime',
  '/usr/lib/faketime',
  '/usr/local/lib/faketime',
];

/** libfaketime for programs with threads. */
export function fakeTimeLibrary(): string | undefined {
  return fakeTimeDirs.map((dir) => `${dir}/libfaketimeMT.so.1`).find((path) => existsSync(path));
}

export function fakeTimeObstacle(): string | undefined {
  const library = fakeTimeLibrary();
  if (library === undefined) return 'libfaketime is not installed (Debian: apt-get install faketime)';
  const env = { ...process.env, LD_PRELOAD: library, FAKETIME: '+1h', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  const now = Number(execFileSync(process.execPath, ['-p', 'Date.now()'], { env, encoding: 'utf8' }));
  return now > Date.now() + 1_800_000 ? undefined : 'libfaketime does not move the clock of this Node';
}
