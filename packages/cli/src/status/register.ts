/**
 * `status`: who leads what, where every replica stands, and whether roots agree. With `--watch` it is drawn
 * again and again in its place; in a pipe each look follows the one before, so that a log keeps them all.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { type ClusterContext, clusterCommand, inCluster } from '../cluster/context.ts';
import { failureOf, isUnreachable, printFailure } from '../output/failure.ts';
import { secondsOption } from '../output/options.ts';
import type { Output } from '../output/terminal.ts';
import { renderStatus } from './render.ts';

const intervalLimits = { min: 0.1, max: 3600, defaultMs: 1000 };

interface StatusOptions {
  watch?: boolean;
  json?: boolean;
  interval: number;
}

export function registerStatus(program: Command): void {
  clusterCommand(program, 'status', 'show leaders, positions, lag and roots of every replica')
    .option('--watch', 'go on, until Ctrl-C')
    .addOption(secondsOption('--interval <seconds>', 'pause between two looks', intervalLimits))
    .option('--json', 'print the view of the gateway as JSON')
    .action((options: StatusOptions, command: Command) =>
      inCluster(command, (context) => (options.watch ? watch(context, options) : once(context, options))),
    );
}

async function once(context: ClusterContext, { json }: StatusOptions): Promise<void> {
  context.terminal.out.write(`${(await look(context, json)).join('\n')}\n`);
}

async function look({ client, paint }: ClusterContext, json = false): Promise<string[]> {
  const view = await client.cluster();
  return json ? [JSON.stringify(view)] : renderStatus(view, paint, Date.now());
}

/** A gateway that can't be reached for a while is a state worth watching, and no reason to stop. */
async function watch(context: ClusterContext, { json, interval }: StatusOptions): Promise<void> {
  const { out } = context.terminal;
  for (;;) {
    try {
      draw(out, await look(context, json));
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      if (out.isTTY) out.write(clearScreen);
      printFailure(failureOf(error), context.terminal);
    }
    await sleep(interval);
  }
}

const clearScreen = '\u001b[H\u001b[2J';
const home = '\u001b[H';
const clearLine = '\u001b[K';
const clearBelow = '\u001b[J';
const wrapOff = '\u001b[?7l';
const wrapOn = '\u001b[?7h';

/**
 * Overwrites line by line instead of clearing first, so that nothing flickers. What doesn't fit is cut off.
 */
function draw(out: Output, lines: readonly string[]): void {
  if (!out.isTTY) {
    out.write(`${lines.join('\n')}\n\n`);
    return;
  }
  const shown = lines.slice(0, (out.rows ?? 24) - 1);
  const text = shown.map((line) => `${line}${clearLine}\n`).join('');
  out.write(`${wrapOff}${home}${text}${clearBelow}${wrapOn}`);
}
