/** What pages of runs say alike: figures as text, how it was measured, what was not. */
import { markdownTable } from 'markdown-table';
import type { Spread } from '../statistics.ts';
import { folded } from './folded.ts';
import type { Machine, RunHead } from './run.ts';

export const count = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const mebibyte = 2 ** 20;

export function percent(part: number): string {
  return `${(part * 100).toFixed(0)}%`;
}

export function spreadText({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
}

/** Empty when it is not known. */
export function msText(ms: number | undefined | null): string {
  return typeof ms === 'number' && Number.isFinite(ms) ? ms.toFixed(1) : '';
}

export function mebibytes(bytes: number): string {
  return count.format(bytes / mebibyte);
}

export function plural(number: number, one: string, several = `${one}s`): string {
  return `${count.format(number)} ${number === 1 ? one : several}`;
}

export function beginning({ seconds, mode, startedAt }: RunHead): string {
  return `One run of ${plural(Math.round(seconds / 60), 'minute')} (${mode}), begun ${startedAt}.`;
}

export function ceilingText({ rounds, measureMs }: RunHead): string {
  return `The **ceiling** of a load is what a Fastify server that does nothing answers of it: the same
    requests, connections and bytes, measured in turns with it, in each of ${rounds} rounds of
    ${measureMs} ms. Ratios to it are medians (smallest–largest round); absolute figures are those of
    this machine, whose cores load generator, gateway, nodes and nats-server share.`;
}

export function machineText({ machine }: RunHead): string {
  const { cores, processor, memoryGiB, system, versions, loadAverageBefore }: Machine = machine;
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return folded(`Machine: ${cores} cores (${processor}), ${memoryGiB} GiB, ${system}; ${names.join(', ')};
    load average of other work before it began: ${loadAverageBefore}.`);
}

/** Nothing without rows. */
export function section(title: string, head: readonly string[], rows: readonly string[][]): string[] {
  return rows.length === 0 ? [] : [`## ${title}`, markdownTable([[...head], ...rows])];
}

export function skippedPart({ skipped }: RunHead): string[] {
  if (skipped.length === 0) return [];
  return ['## Not measured', skipped.map(({ name, reason }) => `- \`${name}\`: ${reason}`).join('\n')];
}
