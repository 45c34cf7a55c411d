/**
 * The health check of a container, for there is no shell and no curl in it: asks the process for `/livez`,
 * or for `/readyz` where that is the argument, and ends with 0 or 1. The port is what the process has put
 * into its run file, so that nothing has to be told it; where many run, a second argument names one.
 *
 * `ready-once` is for an engine that waits at the start for what it later replaces: it asks for readiness
 * until that was there once, and then whether the process turns. It imports no packages: it runs every few
 * seconds.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PATHS = ['livez', 'readyz'];
const ONCE = 'ready-once';
const TIMEOUT_MS = 2_000;

const [path = 'livez', only] = process.argv.slice(2);
const { DRIFTLESS_RUN_DIR: runDir = '.driftless/run' } = process.env;
try {
  const wasReady = join(runDir, '.was-ready');
  const asked = path === ONCE ? (existsSync(wasReady) ? 'livez' : 'readyz') : path;
  if (!PATHS.includes(asked)) throw new Error(`ask for ${[...PATHS, ONCE].join(' or ')}, not for ${path}`);
  const ports = portsIn(runDir);
  if (ports.length === 0) throw new Error('no process listens yet');
  for (const port of ports) await ask(`http://127.0.0.1:${port}/${asked}`);
  if (path === ONCE) writeFileSync(wasReady, '');
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

/** @param {string} dir of run files */
function portsIn(dir) {
  const files = readdirSync(dir).filter((file) => {
    return only === undefined ? file.endsWith('.json') && !file.startsWith('.') : file === `${only}.json`;
  });
  return files.map((file) => JSON.parse(readFileSync(join(dir, file), 'utf8')).port);
}

/** @param {string} url */
async function ask(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!answer.ok) throw new Error(`${url} says ${answer.status}: ${await answer.text()}`);
}
