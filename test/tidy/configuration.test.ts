/** docs/configuration.md says what the schemas say. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('the page on configuration is fresh', () => {
  const script = join(import.meta.dirname, '../../scripts/configuration-page.ts');
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
});
