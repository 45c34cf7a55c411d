import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { listRunFiles, readRunFile, removeRunFile, writeRunFile } from './run-file.ts';

const file = { pid: 4711, port: 7101, startedAt: '2026-01-01T00:00:00.000Z' };
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'driftless-run-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

test('a written file is read back, and nothing else lies around', () => {
  writeRunFile(join(dir, 'run'), 'node-1', { ...file, role: 'store-node' });
  expect(readRunFile(join(dir, 'run'), 'node-1')).toEqual({ ...file, role: 'store-node' });
  expect(readdirSync(join(dir, 'run'))).toEqual(['node-1.json']);
});

test('what is not there or not a run file is undefined', () => {
  writeFileSync(join(dir, 'torn.json'), '{"pid": 12');
  writeFileSync(join(dir, 'alien.json'), '{"pid": "12"}');
  expect([readRunFile(dir, 'absent'), readRunFile(dir, 'torn'), readRunFile(dir, 'alien')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test('a process removes its own file, not that of its successor', () => {
  writeRunFile(dir, 'node-1', { ...file, pid: 2 });
  removeRunFile(dir, 'node-1', 1);
  expect(readRunFile(dir, 'node-1')?.pid).toBe(2);
  removeRunFile(dir, 'node-1', 2);
  expect(readRunFile(dir, 'node-1')).toBeUndefined();
  removeRunFile(dir, 'node-1');
});

test('lists all by name, and nothing for a directory that is not there', () => {
  writeRunFile(dir, 'node-2', file);
  writeRunFile(dir, 'gateway-1', file);
  expect([...listRunFiles(dir).keys()]).toEqual(['gateway-1', 'node-2']);
  expect(listRunFiles(join(dir, 'absent')).size).toBe(0);
});
