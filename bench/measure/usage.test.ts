import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseStat, residentOf, usageOf } from './usage.ts';

const mebibyte = 1024 * 1024;
const isLinux = process.platform === 'linux';

it('a line of /proc/<id>/stat is read from the end of the name, whatever that holds', () => {
  const line = '42 (a) b (c) S 7 42 42 0 -1 4194560 900 0 0 0 30 12 99 99 20 0 11 0 100 1 1';
  expect(parseStat(line)).toEqual({ parent: 7, micros: 420_000 });
});

it.skipIf(!isLinux)('processes of one name are summed, and what they take grows with what they do', () => {
  const self = { name: 'one', pid: process.pid };
  const memory = residentOf([self, { ...self, name: 'two' }, { ...self, name: 'two' }]);
  const [one = 0, two = 0] = [memory?.get('one'), memory?.get('two')];
  expect(one).toBeGreaterThan(20 * mebibyte);
  expect(two / one).toBeCloseTo(2, 0);

  const before = usageOf([self])?.get('one');
  const directory = mkdtempSync(join(tmpdir(), 'driftless-usage-'));
  try {
    const file = openSync(join(directory, 'file'), 'w');
    writeSync(file, Buffer.alloc(mebibyte, 1));
    fsyncSync(file);
    closeSync(file);
  } finally {
    rmSync(directory, { recursive: true });
  }
  const after = usageOf([self])?.get('one');
  expect(after?.micros).toBeGreaterThanOrEqual(before?.micros ?? Number.NaN);
  const written = (after?.writtenBytes ?? 0) - (before?.writtenBytes ?? 0);
  // Nothing is counted for a file system in memory, and nothing is known where /proc/<id>/io is closed.
  expect(Number.isNaN(written) || written === 0 || written >= mebibyte).toBe(true);
});
