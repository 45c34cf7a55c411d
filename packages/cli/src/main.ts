#!/usr/bin/env node
/** The `driftless` command. */
import { Command } from 'commander';
import { registerCommands } from './commands.ts';
import { exitUsage, failureOf, printFailure } from './output/failure.ts';
import { processTerminal } from './output/terminal.ts';

const program = new Command('driftless')
  .description('An eventually consistent key-value store that knows, and shows, how consistent it is.')
  .version('0.1.0')
  .enablePositionalOptions()
  .option('--url <url>', 'gateway that the commands below talk to (env DRIFTLESS_URL)')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : exitUsage))
  .showHelpAfterError('(--help lists what there is)');

await registerCommands(program, process.argv.slice(2));

try {
  await program.parseAsync();
} catch (error) {
  const failure = failureOf(error);
  printFailure(failure, processTerminal);
  if (process.env.DRIFTLESS_DEBUG) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = failure.exitCode;
}
