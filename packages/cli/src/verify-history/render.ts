/**
 * The verdicts as a person reads them: a row a checker, then what is wrong with its lines, then one
 * sentence.
 */
import { type CheckResult, overallVerdict, type Verdict } from '@driftless/checkers';
import { formatDuration, grouped, type Paint, printable, table } from '../output/terminal.ts';

export interface HistorySummary {
  operations: number;
  keys: number;
  /** Ack levels that were not held to their promise. */
  mayLose: string[];
  notes: string[];
}

const styles = { ok: 'green', violated: 'red', unknown: 'yellow', 'nothing to check': 'dim' } as const;
/** Violations of a checker that are shown; all are counted. */
const shownMax = 5;

export function renderResults(
  summary: HistorySummary,
  results: readonly CheckResult[],
  paint: Paint,
): string[] {
  const rows = results.map(({ checker, checked, verdict, violated }) => {
    const count = violated > 0 ? ` (${grouped(violated)})` : '';
    return [checker, grouped(checked), paint(styles[verdict], `${verdict}${count}`)];
  });
  const lines = table([['CHECKER', 'CHECKED', 'VERDICT'], ...rows], [1]);
  for (const result of results) lines.push(...problemLines(result, paint));
  if (summary.notes.length > 0) lines.push('', ...summary.notes.map((note) => `note: ${printable(note)}`));
  return [...lines, '', summaryLine(summary, results, paint)];
}

function problemLines({ checker, violated, violations, doubts }: CheckResult, paint: Paint): string[] {
  if (violations.length + doubts.length === 0) return [];
  const lines = ['', paint(violated > 0 ? styles.violated : styles.unknown, checker)];
  for (const { message, key, shard, lines: where } of violations.slice(0, shownMax)) {
    const place = key !== undefined ? `key ${key}: ` : shard !== undefined ? `shard ${shard}: ` : '';
    lines.push(`  ${printable(`${place}${message}`)}`, `    ${paint('dim', `lines ${where.join(', ')}`)}`);
  }
  if (violated > shownMax) lines.push(`  … and ${grouped(violated - shownMax)} more`);
  return [...lines, ...doubts.slice(0, shownMax).map((doubt) => `  ${printable(doubt)}`)];
}

function summaryLine(
  { operations, keys, mayLose }: HistorySummary,
  results: readonly CheckResult[],
  paint: Paint,
): string {
  const verdict = overallVerdict(results);
  const count = (wanted: Verdict) => results.filter((result) => result.verdict === wanted).length;
  const took = results.flatMap(({ figures }) => figures.convergedAfterMs ?? [])[0];
  const parts = [
    `${grouped(operations)} operations on ${grouped(keys)} keys`,
    `${count('ok')} of ${results.length} checkers ok, ${count('nothing to check')} with nothing to check`,
    `not held to their promise: ack=${mayLose.join(', ack=') || 'none'}`,
    ...(took === undefined ? [] : [`converged after ${formatDuration(took)}`]),
  ];
  return `${paint(styles[verdict], verdict)}: ${parts.join('; ')}`;
}
