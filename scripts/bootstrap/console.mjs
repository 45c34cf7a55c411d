/** One-line progress on standard error: standard output belongs to what is run. */

const PROGRESS_INTERVAL_MS = 10_000;

/** Ends the bootstrap with a message that is all a person needs. */
export class Stop extends Error {}

/** @param {string} line */
export function say(line) {
  process.stderr.write(`driftless: ${line}\n`);
}

/**
 * Says what is done, every ten seconds that it goes on, and how long it took.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withProgress(what, work) {
  const startedAt = Date.now();
  const elapsed = () => `${Math.round((Date.now() - startedAt) / 1000)} s`;
  say(`${what} …`);
  const timer = setInterval(() => say(`${what} … ${elapsed()}`), PROGRESS_INTERVAL_MS);
  try {
    const result = await work();
    say(`${what}: done after ${elapsed()}`);
    return result;
  } finally {
    clearInterval(timer);
  }
}
