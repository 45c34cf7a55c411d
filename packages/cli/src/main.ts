#!/usr/bin/env node
/** The `driftless` command. Each subcommand lives in its own directory and registers itself here. */
import { Command } from 'commander';
import { registerCheck } from './check/register.ts';
import { registerData } from './data/register.ts';
import { registerDiff } from './diff/register.ts';
import { registerHeal } from './heal/register.ts';
import { registerImport } from './import/register.ts';
import { registerInject } from './inject/register.ts';
import { registerLeader } from './leader/register.ts';
import { registerLog } from './log/register.ts';
import { registerMembers } from './members/register.ts';
import { registerNatsServer } from './nats/register.ts';
import { registerOrphans } from './orphans/register.ts';
import { exitUsage, failureOf, printFailure } from './output/failure.ts';
import { processTerminal } from './output/terminal.ts';
import { registerStatus } from './status/register.ts';
import { registerUp } from './up/register.ts';
import { registerVerify } from './verify/register.ts';
import { registerVerifyHistory } from './verify-history/register.ts';
import { registerWatch } from './watch/register.ts';

const program = new Command('driftless')
  .description('An eventually consistent key-value store that knows, and shows, how consistent it is.')
  .version('0.1.0')
  .enablePositionalOptions()
  .option('--url <url>', 'gateway that the commands below talk to (env DRIFTLESS_URL)')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : exitUsage))
  .showHelpAfterError('(--help lists what there is)');

registerUp(program);
registerData(program);
registerWatch(program);
registerStatus(program);
registerCheck(program);
registerImport(program);
registerVerify(program);
registerVerifyHistory(program);
registerDiff(program);
registerHeal(program);
registerInject(program);
registerLog(program);
registerLeader(program);
registerMembers(program);
registerOrphans(program);
registerNatsServer(program);

try {
  await program.parseAsync();
} catch (error) {
  const failure = failureOf(error);
  printFailure(failure, processTerminal);
  if (process.env.DRIFTLESS_DEBUG) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = failure.exitCode;
}
