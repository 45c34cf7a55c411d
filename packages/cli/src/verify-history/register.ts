/**
 * `verify-history`: judges a recorded history by every checker that finds something in it. Exit codes: 0
 * nothing is wrong, 1 violated, 2 unknown (a search was cut off, nothing could be checked, or the file is
 * no history).
 */
import { createReadStream } from 'node:fs';
import {
  type CheckResult,
  checkHistory,
  HistoryError,
  overallVerdict,
  readHistory,
  type Verdict,
} from '@driftless/checkers';
import { type AckLevel, ackLevelSchema } from '@driftless/contracts';
import { type Command, InvalidArgumentError } from 'commander';
import { CommandError, exitUsage, failureOf, printFailure } from '../output/failure.ts';
import { paintFor, processTerminal, type Terminal } from '../output/terminal.ts';
import { type HistorySummary, renderResults } from './render.ts';

export interface VerifyHistoryOptions {
  json?: boolean;
  mayLose?: ReadonlySet<AckLevel>;
  convergeWithin?: number;
}

const exitCodes: Record<Verdict, number> = { ok: 0, violated: 1, unknown: 2, 'nothing to check': 2 };
/** Longest bound on convergence, seconds. */
const secondsMax = 86_400;
const levels = ackLevelSchema.options.join(', ');

export function registerVerifyHistory(program: Command): void {
  program
    .command('verify-history')
    .description('judge a recorded history: nothing acknowledged lost, sessions, counters, linear order, …')
    .argument('<file>', 'the history, as NDJSON')
    .option('--json', 'print the verdicts as JSON')
    .option(
      '--may-lose <levels>',
      `ack levels that faults may have broken (${levels}; with commas), or none; default: as the file says`,
      ackLevels,
    )
    .option('--converge-within <seconds>', 'bound on the time to converge', secondsAsMs)
    .action(async (file: string, options: VerifyHistoryOptions) => {
      process.exitCode = await verifyHistory(file, options);
    });
}

function ackLevels(text: string): Set<AckLevel> {
  if (text === 'none') return new Set();
  const parsed = text.split(',').map((level) => ackLevelSchema.safeParse(level.trim()));
  if (parsed.every(({ success }) => success)) return new Set(parsed.flatMap(({ data }) => data ?? []));
  throw new InvalidArgumentError(`They are of ${levels}; or none.`);
}

function secondsAsMs(text: string): number {
  const seconds = text.trim() === '' ? Number.NaN : Number(text);
  if (seconds >= 0 && seconds <= secondsMax) return seconds * 1000;
  throw new InvalidArgumentError(`It is a number of seconds up to ${secondsMax}.`);
}

/** The exit code. */
export async function verifyHistory(
  file: string,
  options: VerifyHistoryOptions,
  terminal: Terminal = processTerminal,
): Promise<number> {
  try {
    const history = await readHistory(createReadStream(file), options.mayLose);
    const results = checkHistory(history, { convergedWithinMs: options.convergeWithin });
    const { operations, keys, notes, mayLose } = history;
    const summary = { operations: operations.length, keys: keys.size, mayLose: [...mayLose], notes };
    print(summary, results, options, terminal);
    return exitCodes[overallVerdict(results)];
  } catch (error) {
    printFailure(failureOf(asFailure(error, file)), terminal);
    return exitUsage;
  }
}

function print(
  summary: HistorySummary,
  results: readonly CheckResult[],
  { json }: VerifyHistoryOptions,
  { out, env }: Terminal,
): void {
  if (!json) {
    out.write(`${renderResults(summary, results, paintFor(out, env)).join('\n')}\n`);
    return;
  }
  // Lines lead to the operations, so they need not be repeated.
  const checkers = results.map(({ violations, ...result }) => {
    return {
      ...result,
      violations: violations.map(({ operations: _operations, ...violation }) => violation),
    };
  });
  out.write(`${JSON.stringify({ verdict: overallVerdict(results), ...summary, checkers })}\n`);
}

function asFailure(error: unknown, file: string): unknown {
  if (error instanceof HistoryError) {
    const hint = 'a history is NDJSON, and begins with {"type":"history","format":1}';
    return new CommandError(`${file} is not a history: ${error.message}`, { hint, cause: error });
  }
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' ? new CommandError(`there is no file ${file}`, { cause: error }) : error;
}
