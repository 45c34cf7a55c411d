/**
 * The tests, with a nats-server for those that need one. All totals come from vitest's own JSON report; a
 * file that could not be loaded, or an error outside of any test, counts as one that failed, so that the sum
 * never says less than the exit code.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stop } from './console.mjs';
import { capture, pinnedEnv, root, runPinned } from './process.mjs';

const CLI = 'packages/cli/src/main.ts';
const VITEST = join(root, 'node_modules', 'vitest', 'vitest.mjs');

/**
 * @param {string} node
 * @param {string[]} args handed to vitest
 */
export async function runTests(node, args) {
  const { code, passed, failed } = await countTests(node, args);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return code;
}

/**
 * @param {string} node
 * @param {string[]} args
 * @returns {Promise<{ code: number, passed: number, failed: number }>}
 */
export async function countTests(node, args) {
  const NATS_SERVER_BIN = await natsServer(node);
  const dir = mkdtempSync(join(tmpdir(), 'driftless-tests-'));
  const report = join(dir, 'report.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const code = await runPinned(node, [VITEST, 'run', ...reporters, ...args], { NATS_SERVER_BIN });
    return { ...totals(report, code), code };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** @param {string} node */
async function natsServer(node) {
  const { code, stdout } = await capture(node, [CLI, 'nats-server'], { env: pinnedEnv(), showErrors: true });
  if (code !== 0) throw new Stop('the tests need a nats-server');
  return stdout.trim();
}

/**
 * @param {string} report
 * @param {number} code
 */
function totals(report, code) {
  const { numPassedTests, testResults } = read(report);
  let failed = 0;
  for (const { status, assertionResults } of testResults) {
    const inFile = assertionResults.filter((result) => result.status === 'failed').length;
    failed += inFile === 0 && status === 'failed' ? 1 : inFile;
  }
  return { passed: numPassedTests, failed: failed === 0 && code !== 0 ? 1 : failed };
}

/**
 * @typedef {{ status: string, assertionResults: { status: string }[] }} FileResult
 * @param {string} report
 * @returns {{ numPassedTests: number, testResults: FileResult[] }}
 */
function read(report) {
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return { numPassedTests: 0, testResults: [] };
  }
}
