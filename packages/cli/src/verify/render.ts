/** The verdicts as a person reads them: a row a replica, then what is wrong, then one sentence. */
import { grouped, type Paint, printable, table } from '../output/terminal.ts';
import type { Outcome, ReplicaVerdict, ShardVerdict } from './verify.ts';

const outcomeStyles = { equal: 'green', different: 'red', 'not comparable': 'yellow' } as const;
/** Hex digits of a root that are shown; comparison is always by all of it. */
const rootDigits = 12;

export function renderVerdicts(verdicts: readonly ShardVerdict[], paint: Paint): string[] {
  const head = [
    'SHARD',
    'REPLICA',
    'POSITION',
    'ROWS',
    'TOMBSTONES',
    'ROOT',
    'ROOT OF ROWS',
    'SCRUB',
    'VERDICT',
  ];
  const rows = verdicts.flatMap((verdict) =>
    verdict.replicas.map((replica) => cells(verdict, replica, paint)),
  );
  const problems = verdicts.flatMap((verdict) => problemLines(verdict, paint));
  return [...table([head, ...rows], [3, 4]), ...problems, '', summary(verdicts, paint)];
}

function cells(verdict: ShardVerdict, replica: ReplicaVerdict, paint: Paint): string[] {
  const { node, position, rows, tombstones, keptRoot, rowsRoot, scrub } = replica;
  const sameRoot = keptRoot === rowsRoot ? 'green' : 'red';
  return [
    String(verdict.shard),
    node,
    position ?? '-',
    rows === undefined ? '-' : grouped(rows),
    tombstones === undefined ? '-' : grouped(tombstones),
    keptRoot?.slice(0, rootDigits) ?? '-',
    rowsRoot === undefined ? '-' : paint(sameRoot, rowsRoot.slice(0, rootDigits)),
    scrub === undefined ? '-' : scrub.sound ? 'sound' : paint('red', 'DAMAGED'),
    paint(outcomeStyles[verdict.outcome], verdict.outcome),
  ];
}

function problemLines(
  { shard, outcome, reason, replicas, differing, differences }: ShardVerdict,
  paint: Paint,
) {
  if (outcome === 'equal') return [];
  const lines = ['', `${paint(outcomeStyles[outcome], `shard ${shard}: ${outcome}`)}: ${reason}`];
  for (const { node, problem, scrub } of replicas) {
    if (problem !== undefined) lines.push(`  ${node}: ${printable(problem)}`);
    for (const key of scrub?.corruptKeys ?? []) lines.push(`  ${node}: damaged row ${printable(key)}`);
  }
  for (const { key, holds } of differences) {
    lines.push(`  key ${printable(key)}`);
    for (const [i, what] of holds.entries()) lines.push(`    ${replicas[i]?.node} holds ${printable(what)}`);
  }
  if (differing > differences.length)
    lines.push(`  … and ${grouped(differing - differences.length)} more keys`);
  return lines;
}

/** The whole is what its worst shard is; a difference that was seen outweighs what couldn't be compared. */
export function overall(verdicts: readonly ShardVerdict[]): Outcome {
  if (verdicts.some(({ outcome }) => outcome === 'different')) return 'different';
  return verdicts.length > 0 && verdicts.every(({ outcome }) => outcome === 'equal')
    ? 'equal'
    : 'not comparable';
}

function summary(verdicts: readonly ShardVerdict[], paint: Paint): string {
  const outcome = overall(verdicts);
  const painted = paint(outcomeStyles[outcome], outcome);
  const good = verdicts.filter((verdict) => verdict.outcome === 'equal');
  const rows = good
    .flatMap(({ replicas }) => replicas)
    .reduce((sum, replica) => sum + (replica.rows ?? 0), 0);
  const keys = good.reduce((sum, verdict) => sum + verdict.keys, 0);
  const scope = `${good.length} of ${verdicts.length} shards equal`;
  return `${painted}: ${scope}; ${grouped(keys)} keys, ${grouped(rows)} rows compared field by field`;
}
