/** All that has to hold before a change goes in: types, lint, tests. All run, whatever fails. */
import { join } from 'node:path';
import { say } from './console.mjs';
import { root, runPinned } from './process.mjs';
import { countTests } from './tests.mjs';

const bin = (/** @type {string} */ path) => join(root, 'node_modules', path);
/** Turbo reports home unless it is told not to, and has no setting for that but these. */
const TURBO_ENV = { TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', TURBO_NO_UPDATE_NOTIFIER: '1' };

/**
 * @param {string} node
 * @param {string[]} args handed to turbo
 */
export function types(node, args) {
  return runPinned(node, [bin('turbo/bin/turbo'), 'run', 'types', ...args], TURBO_ENV);
}

/**
 * @param {string} node
 * @param {string[]} args handed to vitest
 */
export async function verify(node, args) {
  const failures = [];
  if (!(await check('types', () => types(node, ['--output-logs=errors-only'])))) failures.push('types');
  if (!(await check('lint', () => runPinned(node, [bin('@biomejs/biome/bin/biome'), 'check', '.'])))) {
    failures.push('lint');
  }
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
 * @param {() => Promise<number>} work
 */
async function check(what, work) {
  const startedAt = Date.now();
  say(`verify: ${what} …`);
  const ok = (await work()) === 0;
  say(`verify: ${what}: ${ok ? 'well' : 'FAILED'} (${Math.round((Date.now() - startedAt) / 1000)} s)`);
  return ok;
}
