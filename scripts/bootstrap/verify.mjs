/** All that has to hold before a change goes in: types, lint, tests. All run, whatever fails. */
import { join } from 'node:path';
import { say } from './console.mjs';
import { root, runPinned } from './process.mjs';
import { countTests } from './tests.mjs';

const bin = (/** @type {string} */ path) => join(root, 'node_modules', path);
const TURBO_ENV = {
  TURBO_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
  TURBO_NO_UPDATE_NOTIFIER: '1',
  // Out of the way of whatever reads the sources.
  TURBO_CACHE_DIR: join(root, 'node_modules', '.cache', 'turbo'),
};

/**
 * @param {string} node
 * @param {string[]} args handed to vitest
 */
export async function verify(node, args) {
  const failures = [];
  const types = [bin('turbo/bin/turbo'), 'run', 'types', '--output-logs=errors-only'];
  if (!(await check('types', node, types))) failures.push('types');
  if (!(await check('lint', node, [bin('@biomejs/biome/bin/biome'), 'check', '.']))) failures.push('lint');
  say('verify: tests …');
  const { code, passed, failed } = await countTests(node, args);
  if (code !== 0) failures.push('tests');
  if (passed === 0 && code === 0) failures.push('tests (none ran)');
  say(failures.length === 0 ? 'verify: all is well' : `verify: FAILED: ${failures.join(', ')}`);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failures.length === 0 ? 0 : 1;
}

/**
 * @param {string} what
 * @param {string} node
 * @param {string[]} args
 */
async function check(what, node, args) {
  const startedAt = Date.now();
  say(`verify: ${what} …`);
  const ok = (await runPinned(node, args, TURBO_ENV)) === 0;
  say(`verify: ${what}: ${ok ? 'well' : 'FAILED'} (${Math.round((Date.now() - startedAt) / 1000)} s)`);
  return ok;
}
