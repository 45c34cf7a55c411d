import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeMissing, findObserveTools } from './tools.ts';

/** All there is on PATH. */
let bin: string;

beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), 'driftless-observe-'));
});
afterEach(() => rmSync(bin, { recursive: true }));

function program(name: string): string {
  const path = join(bin, name);
  writeFileSync(path, '#!/bin/sh\n');
  chmodSync(path, 0o755);
  return path;
}

test('what a variable names, else what is on PATH, under the name that Debian has for it too', () => {
  const debian = program('prometheus-alertmanager');
  expect(findObserveTools({ PATH: bin })).toEqual({ prometheus: undefined, alertmanager: debian });
  const onPath = { prometheus: program('prometheus'), alertmanager: program('alertmanager') };
  expect(findObserveTools({ PATH: bin })).toEqual(onPath);
  const mine = program('my-prometheus');
  expect(findObserveTools({ PATH: bin, DRIFTLESS_PROMETHEUS: mine }).prometheus).toBe(mine);
});

test('a variable that names no program is an error: somebody meant it', () => {
  const env = { PATH: bin, DRIFTLESS_ALERTMANAGER: join(bin, 'nothing') };
  expect(() => findObserveTools(env)).toThrow(/DRIFTLESS_ALERTMANAGER is .*nothing, which is no executable/);
});

test('says what is missing, and how to get it', () => {
  const none = { prometheus: undefined, alertmanager: undefined };
  const lines = describeMissing(none, 'linux');
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^Prometheus .* "apt-get install .* prometheus", or set DRIFTLESS_PROMETHEUS/);
  expect(lines[1]).toMatch(/^Alertmanager .* prometheus-alertmanager", or set DRIFTLESS_ALERTMANAGER/);
  expect(describeMissing({ ...none, prometheus: '/bin/prometheus' }, 'darwin')).toEqual([
    expect.stringContaining('brew install alertmanager'),
  ]);
});
