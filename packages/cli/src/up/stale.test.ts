import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listRunFiles, writeRunFile } from '@driftless/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeLock } from './lock.ts';
import { dataDirArgument, type Layout, layoutOf } from './options.ts';
import { commandLineOf, identityOf, isAlive } from './processes.ts';
import { stopStaleChildren } from './stale.ts';

let layout: Layout;
let children: ChildProcess[];
let said: string[];

beforeEach(() => {
  layout = layoutOf(mkdtempSync(join(tmpdir(), 'driftless-stale-')));
  children = [];
  said = [];
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(layout.root, { recursive: true });
});

/** A process with a run file; its shell script runs until it is told to end. */
async function leaveBehind(
  name: string,
  onTerm: string,
  argument = dataDirArgument(layout),
): Promise<number> {
  const script = `trap '${onTerm}' TERM; echo up; while :; do sleep 0.05; done`;
  const child = spawn('/bin/sh', ['-c', script, name, argument], { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  await once(child.stdout, 'data');
  const pid = child.pid ?? 0;
  writeRunFile(layout.run, name, { pid, startedAt: new Date().toISOString() });
  return pid;
}

test('they are asked to stop, and killed if they do not', async () => {
  const willing = await leaveBehind('node-1', 'exit 0');
  const stubborn = await leaveBehind('node-2', ':');
  await stopStaleChildren(layout, (line) => void said.push(line), 300);
  expect([isAlive(willing), isAlive(stubborn)]).toEqual([false, false]);
  expect(said).toContain(`node-2 (process ${stubborn}) does not stop; killing it`);
  expect(said).toHaveLength(3);
  expect(listRunFiles(layout.run).size).toBe(0);
});

test('one that was paused stops, too', async () => {
  const pid = await leaveBehind('node-1', 'exit 0');
  process.kill(pid, 'SIGSTOP');
  await stopStaleChildren(layout, () => {}, 20_000);
  expect(isAlive(pid)).toBe(false);
}, 30_000);

test('a process of another data directory is left alone, though its name begins like ours', async () => {
  const pid = await leaveBehind('node-1', 'exit 0', `${dataDirArgument(layout)}2`);
  await stopStaleChildren(layout, (line) => void said.push(line), 300);
  expect(isAlive(pid)).toBe(true);
  expect(said).toEqual([]);
});

test('a process is known by when it started, not by its pid alone', () => {
  expect(identityOf(process.pid)).toBe(identityOf(process.pid));
  expect(identityOf(process.ppid)).not.toBe(identityOf(process.pid));
  expect(commandLineOf(process.pid)).toContain('node');
  expect(identityOf(2 ** 22 + 1)).toBeUndefined();
});

test('a lock holds while its holder lives, and is taken over when it is dead', () => {
  const giveBack = takeLock(layout.lock);
  expect(() => takeLock(layout.lock)).toThrow(`as process ${process.pid}`);
  giveBack();
  // The holder of this lock had our pid, in another life.
  writeFileSync(layout.lock, JSON.stringify({ pid: process.pid, identity: 'another boot:1' }));
  takeLock(layout.lock)();
  writeFileSync(layout.lock, 'torn');
  takeLock(layout.lock)();
});
