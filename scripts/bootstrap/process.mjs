/** Running other programs: for their output, or in our place. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const OUTPUT_CHARS_MAX = 1_000_000;
const PARENT_CHECK_MS = 500;
const FORWARDED_SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/**
 * Runs a program and keeps what it says. `code` is 127 where there is no such program.
 * @param {string} file
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, showErrors?: boolean }} [options]
 * @returns {Promise<{ code: number, output: string, stdout: string }>}
 */
export function capture(file, args, { env = process.env, showErrors = false } = {}) {
  return new Promise((resolve) => {
    const stderr = showErrors ? 'inherit' : 'pipe';
    const child = spawn(file, args, { cwd: root, env, stdio: ['ignore', 'pipe', stderr] });
    let output = '';
    let stdout = '';
    const keep = (/** @type {Buffer} */ chunk) => {
      output = (output + chunk.toString()).slice(-OUTPUT_CHARS_MAX);
    };
    child.stdout?.on('data', keep);
    child.stdout?.on('data', (chunk) => {
      stdout += chunk.toString();
    });
    child.stderr?.on('data', keep);
    child.on('error', (error) => resolve({ code: 127, output: error.message, stdout: '' }));
    child.on('close', (code, signal) => resolve({ code: exitCode(code, signal), output, stdout }));
  });
}

/**
 * Runs a program of ours by the pinned Node, in our place: same terminal, signals passed on, its exit code
 * ours. The pinned Node comes first on its PATH, for whatever it starts in turn.
 * @param {string} node
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>}
 */
export function runPinned(node, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { cwd: root, env: { ...pinnedEnv(), ...env }, stdio: 'inherit' });
    const forward = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
    for (const signal of FORWARDED_SIGNALS) process.on(signal, forward);
    const stopWatching = onParentGone(() => child.kill('SIGTERM'));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      stopWatching();
      for (const forwarded of FORWARDED_SIGNALS) process.off(forwarded, forward);
      resolve(exitCode(code, signal));
    });
  });
}

/**
 * Between npm and us stands a shell, which dies of a signal and passes none on. So when we were started by
 * npm, and our parent is gone, that counts as one.
 * @param {() => void} react
 * @returns {() => void} ends the watch
 */
function onParentGone(react) {
  const { npm_lifecycle_event: startedByNpm } = process.env;
  if (startedByNpm === undefined) return () => {};
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    react();
  }, PARENT_CHECK_MS);
  return () => clearInterval(timer);
}

/** @returns {NodeJS.ProcessEnv} */
export function pinnedEnv() {
  const path = [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter);
  return { ...process.env, PATH: path };
}

/**
 * @param {number | null} code
 * @param {NodeJS.Signals | null} signal
 */
function exitCode(code, signal) {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
