/**
 * The one-shot: one round of each shard, or of one, and its report; for people and for a CronJob. Exit codes:
 * 0 all replicas were proven equal, 1 something is left different, 2 not comparable, or it could not be done.
 */
import { parseArgs } from 'node:util';
import {
  type ComparisonOutcome,
  formatPosition,
  type PairReport,
  type RunAnswer,
} from '@driftless/contracts';
import type { Clock, HeardNodes } from '@driftless/runtime';
import { planRound } from '../core/plan-round.ts';

export const exitCodes: Record<ComparisonOutcome, number> = { equal: 0, different: 1, 'not-comparable': 2 };

export interface OnceOptions {
  /** Undefined: all. */
  shard: number | undefined;
  dryRun: boolean;
  json: boolean;
}

/** Undefined when it is to run as a service. Throws when an argument is not understood. */
export function onceOptions(args: readonly string[]): OnceOptions | undefined {
  const boolean = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    // Names of the process and of its data, by which it is found, may stand beside.
    strict: false,
    options: { once: boolean, 'dry-run': boolean, json: boolean, shard: { type: 'string' } },
  });
  if (values.once !== true) return undefined;
  const text = values.shard;
  if (text !== undefined && !(typeof text === 'string' && /^\d{1,5}$/.test(text))) {
    throw new Error(`--shard ${String(text)}: a shard is a whole number, from 0.`);
  }
  const shard = text === undefined ? undefined : Number(text);
  return { shard, dryRun: values['dry-run'] === true, json: values.json === true };
}

/** How often it is looked whether all nodes have told their status, milliseconds. */
const pollMs = 50;

/** Until every member of the shards is heard of, or the time is over: who is silent then is left out. */
export async function listen(
  heard: HeardNodes,
  shards: readonly number[],
  { clock, listenMs, signal }: { clock: Clock; listenMs: number; signal: AbortSignal },
): Promise<void> {
  const deadline = clock.monotonic() + listenMs;
  const isKnown = (shard: number): boolean => {
    const statuses = heard.allFresh(clock.monotonic());
    const { members } = planRound(shard, statuses);
    return members.length > 0 && members.every((member) => statuses.some(({ node }) => node === member));
  };
  while (!shards.every(isKnown) && clock.monotonic() < deadline && !signal.aborted) await clock.sleep(pollMs);
}

/** The report, line by line. */
export function describe({ outcome, rounds }: RunAnswer): string[] {
  const lines = rounds.flatMap(({ shard, outcome: one, reason, reference, pairs, members }) => {
    const alone = members.length === 1 ? ` (${members[0]} alone holds it)` : '';
    const head = `shard ${shard}: ${one}${alone}${reason === undefined ? '' : `. ${reason}`}`;
    const to = reference === undefined ? [] : pairs.map((pair) => `  ${pairLine(pair)}`);
    return [head, ...to];
  });
  const healed = sum(rounds.flatMap(({ pairs }) => pairs.map(({ counts }) => counts.healed)));
  const found = sum(rounds.flatMap(({ pairs }) => pairs.map(({ counts }) => counts.found)));
  const shards = `${rounds.length} ${rounds.length === 1 ? 'shard' : 'shards'}`;
  return [...lines, `${outcome}: ${shards}, ${found} keys differed, ${healed} rows repaired`];
}

function pairLine({ node, with: other, outcome, position, reason, counts, differences }: PairReport): string {
  const at = position ? ` at ${formatPosition(position)}` : '';
  const { found, healed, leaves, bytesReceived } = counts;
  const work = found + healed + leaves > 0 ? `; ${found} differed, ${healed} repaired, ${leaves} leaves` : '';
  const keys = differences.map(({ key, action }) => `${JSON.stringify(key)} ${action}`).join(', ');
  const named = keys === '' ? '' : `: ${keys}`;
  const why = outcome === 'equal' || reason === undefined ? '' : `. ${reason}`;
  return `${node} and ${other}: ${outcome}${at}${work}, ${bytesReceived} bytes received${named}${why}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
