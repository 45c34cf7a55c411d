#!/usr/bin/env node
/** The `driftless` command. Each subcommand lives in its own directory and registers itself here. */
import { Command } from 'commander';
import { registerNatsServer } from './nats/register.ts';
import { failureOf, printFailure } from './output/failure.ts';
import { processTerminal } from './output/terminal.ts';
import { registerUp } from './up/register.ts';

const program = new Command('driftless')
  .description('An eventually consistent key-value store that knows, and shows, how consistent it is.')
  .version('0.1.0')
  .enablePositionalOptions()
  .showHelpAfterError('(--help lists what there is)');

registerUp(program);
registerNatsServer(program);

try {
  await program.parseAsync();
} catch (error) {
  const failure = failureOf(error);
  printFailure(failure, processTerminal);
  if (process.env.DRIFTLESS_DEBUG) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = failure.exitCode;
}
