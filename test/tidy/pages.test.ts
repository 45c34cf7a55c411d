/** Pages that are made of something say what it says. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it.each([
  ['configuration', 'configuration-page.ts'],
  ['metrics', 'metrics-page.ts'],
  ['reliability', 'reliability.ts'],
  ['many machines', 'scale.ts'],
  ['values of the chart', '../helm/src/docs.ts'],
  ['boards', '../dashboards/src/main.ts'],
])('the page on %s is fresh', (_, name) => {
  const script = join(import.meta.dirname, '../../scripts', name);
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
});
