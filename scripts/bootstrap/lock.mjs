/**
 * One at a time, among processes of this machine. The lock is a file that its holder touches every second;
 * one that has not been touched for a while belongs to nobody any more. It lies in the system's directory
 * for temporary files, because `node_modules`, the thing it protects, is deleted under it.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from './console.mjs';

const HEARTBEAT_MS = 1_000;
const DEAD_AFTER_MS = 15_000;
const RETRY_MS = 500;

/**
 * @template T
 * @param {string} what
 * @param {string} waitingWords
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(what, waitingWords, work) {
  const path = join(
    tmpdir(),
    `driftless-${createHash('sha256').update(what).digest('hex').slice(0, 16)}.lock`,
  );
  for (let waited = false; !taken(path); waited = true) {
    if (!waited) say(waitingWords);
    await sleep(RETRY_MS);
  }
  const heartbeat = setInterval(() => utimesSync(path, new Date(), new Date()), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    rmSync(path, { force: true });
  }
}

/** @param {string} path */
function taken(path) {
  try {
    closeSync(openSync(path, 'wx'));
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
  }
  const touchedAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  if (touchedAt !== undefined && Date.now() - touchedAt > DEAD_AFTER_MS) moveAside(path);
  return false;
}

/** By a rename, which only one of several can do. @param {string} path */
function moveAside(path) {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOENT') throw error;
  }
  rmSync(aside, { force: true });
}
