/**
 * The life of a process: start, run, drain, end.
 *
 * `main` starts things and registers how each is stopped; the process then lives until a signal. SIGTERM
 * and SIGINT drain it: the stop functions run in reverse order, so that what was started last, the edge,
 * closes first, and what all rely on, the connection and the files, last. A second signal ends it at once.
 * An error that nobody caught ends it at once, too, with exit code 1: state that we no longer understand
 * must not be drained into storage, and what is on disk is safe to start from again by design.
 *
 * Exit codes: 0 drained, or what `stop` says; 1 fault, or drain not finished in time; 2 bad configuration;
 * 128+n second signal.
 *
 * A process doesn't watch its parent: one that outlives a killed `up` is found by the next, by its run file.
 */
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { ConfigError } from './config.ts';
import { createLogger, type Logger } from './log.ts';

export type StopFunction = () => void | Promise<void>;

export interface ProcessContext {
  /** Aborts when the process begins to stop. */
  readonly signal: AbortSignal;
  /** Registers what has to be done on the way down. Last registered runs first. */
  onStop(stop: StopFunction): void;
  /** From now on, this process's last words go to that logger. */
  useLogger(logger: Logger): void;
  /** Begins to stop, as a signal would; `exitCode` (default 0) is that of a clean end. */
  stop(reason: string, exitCode?: number): void;
}

export interface RunProcessOptions {
  /** Default 10,000 ms. */
  readonly drainTimeoutMs?: number | undefined;
}

const DRAIN_TIMEOUT_MS_DEFAULT = 10_000;

/** How V8 collects garbage where several processes share few cores. */
const collection = [
  // Young objects are collected by the thread that made them. V8 would call up to four others for that, and
  // wait for them: on a machine whose cores are busy with the other processes that cost each PUT 5% more.
  '--no-parallel-scavenge',
  // The whole heap is collected when it has doubled. V8 chooses by how fast it found collecting to be; where
  // that had to wait for a core it let the heap grow by a tenth, and collected it nearly every second.
  '--heap-growing-percent=100',
];

export async function runProcess(
  name: string,
  main: (context: ProcessContext) => Promise<void>,
  { drainTimeoutMs = DRAIN_TIMEOUT_MS_DEFAULT }: RunProcessOptions = {},
): Promise<void> {
  for (const flag of collection) setFlagsFromString(flag);
  let logger = createLogger({ process: name, instance: name, level: 'info' });
  const stopping = new AbortController();
  const stops: StopFunction[] = [];

  function onSignal(signal: 'SIGTERM' | 'SIGINT'): void {
    if (stopping.signal.aborted) process.exit(128 + constants.signals[signal]);
    stop(signal);
  }

  function stop(reason: string, exitCode = 0): void {
    if (stopping.signal.aborted) return;
    logger.info({ reason }, 'stopping');
    stopping.abort(new Error(`stopping: ${reason}`));
    void drain(stops, drainTimeoutMs, logger).then((clean) => process.exit(clean ? exitCode : 1));
  }

  function die(error: unknown, what: string): never {
    logger.fatal({ err: error }, what);
    process.exit(1);
  }

  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('uncaughtException', (error) => die(error, 'uncaught exception'));
  process.on('unhandledRejection', (error) => die(error, 'unhandled rejection'));
  try {
    await main({
      signal: stopping.signal,
      onStop: (stopFunction) => void stops.push(stopFunction),
      useLogger: (next) => {
        logger = next;
      },
      stop,
    });
  } catch (error) {
    // What a stop interrupts while starting fails as it may: the drain decides how the process ends.
    if (stopping.signal.aborted) return;
    if (!(error instanceof ConfigError)) die(error, 'could not start');
    process.stderr.write(`${name}: bad configuration\n${error.message}\n`);
    process.exit(2);
  }
}

/** True when every stop function has ended well, within the time. */
async function drain(stops: StopFunction[], timeoutMs: number, logger: Logger): Promise<boolean> {
  const timeout = sleep(timeoutMs, 'timeout' as const, { ref: true });
  const startedAt = performance.now();
  let clean = true;
  for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) {
    const outcome = await Promise.race([settle(stop), timeout]);
    if (outcome === 'timeout') {
      logger.error({ timeoutMs, left: stops.length + 1 }, 'not drained in time, ending anyway');
      return false;
    }
    if (outcome !== 'done') {
      clean = false;
      logger.error({ err: outcome.error }, 'a stop function failed');
    }
  }
  logger.info({ drainMs: Math.round(performance.now() - startedAt) }, 'stopped');
  return clean;
}

async function settle(stop: StopFunction): Promise<'done' | { readonly error: unknown }> {
  try {
    await stop();
    return 'done';
  } catch (error) {
    return { error };
  }
}
