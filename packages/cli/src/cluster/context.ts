/**
 * What every command that talks to a running cluster shares: the option `--url`, a client, and one way to
 * fail. The option is taken before and after the subcommand, because nobody remembers which it was.
 */
import { DriftlessClient } from '@driftless/client';
import type { Command } from 'commander';
import { exitFailed, failureOf, printFailure, usageError } from '../output/failure.ts';
import { type Paint, paintFor, processTerminal, type Terminal } from '../output/terminal.ts';

export const urlDefault = 'http://127.0.0.1:8080';

export interface ClusterContext {
  client: DriftlessClient;
  terminal: Terminal;
  /** For standard output. */
  paint: Paint;
}

/** A subcommand with what all of them take. */
export function clusterCommand(program: Command, usage: string, description: string): Command {
  return program
    .command(usage)
    .description(description)
    .option('--url <url>', `gateway, or several with commas (env DRIFTLESS_URL, default ${urlDefault})`);
}

/**
 * Runs a command's body; a number that it returns is the exit code. An error becomes one line, and never a
 * stack.
 */
export async function inCluster(
  command: Command,
  body: (context: ClusterContext) => Promise<unknown>,
  terminal: Terminal = processTerminal,
): Promise<void> {
  process.stdout.on('error', endOnClosedPipe);
  const url = urlOf(command, terminal);
  let client: DriftlessClient | undefined;
  try {
    // Commands that are in a session say so: what one of them does at once need not be in order.
    const traceparent = (): string | undefined => terminal.env.TRACEPARENT || undefined;
    client = new DriftlessClient({ baseUrls: baseUrlsOf(url), session: false, traceparent });
    const paint = paintFor(terminal.out, terminal.env);
    const result = await body({ client, terminal, paint });
    process.exitCode = typeof result === 'number' ? result : 0;
  } catch (error) {
    const failure = failureOf(error, url);
    printFailure(failure, terminal);
    process.exitCode = failure.exitCode;
  } finally {
    await client?.close();
  }
}

export function urlOf(command: Command, { env }: Terminal): string {
  const given: unknown = command.opts().url ?? command.optsWithGlobals().url;
  return typeof given === 'string' ? given : env.DRIFTLESS_URL || urlDefault;
}

function baseUrlsOf(text: string): string[] {
  const urls = text.split(',').map((url) => url.trim());
  for (const url of urls) {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw usageError(`"${url}" is not the URL of a gateway`, `give it like ${urlDefault}`);
    }
  }
  return urls;
}

/** `driftless list | head`: the reader has enough, and that is no failure. */
function endOnClosedPipe(error: NodeJS.ErrnoException): void {
  process.exit(error.code === 'EPIPE' ? 0 : exitFailed);
}
