/** How two replicas differ, for people: a line a key, with what each side has and what healing would do. */
import { type Difference, type ExchangeAnswer, formatPosition } from '@driftless/contracts';
import { grouped, type Paint, printable, type Style, table } from '../output/terminal.ts';

/** Hex digits of a digest that are shown; `--json` has all of them. */
const digestDigits = 12;
const outcomeStyles = { equal: 'green', different: 'red', 'not-comparable': 'yellow' } as const;
const actionStyles: Record<Difference['action'], Style> = {
  take: 'yellow',
  remove: 'yellow',
  keep: 'yellow',
  wait: 'dim',
  undecided: 'red',
  stopped: 'red',
};

export function renderDiff(answer: ExchangeAnswer, paint: Paint): string[] {
  const { node: a, with: b, differences } = answer;
  const head = ['KEY', a, '', '', b, '', '', `HEALING ON ${a}`, 'WHY'].map((cell) => paint('dim', cell));
  const rows = differences.map(({ key, ours, theirs, action, reason }) => [
    printable(JSON.stringify(key)),
    ...sideCells(ours, paint),
    ...sideCells(theirs, paint),
    paint(actionStyles[action], action),
    printable(reason),
  ]);
  const lines = rows.length > 0 ? [...table([head, ...rows], [2, 5]), ''] : [];
  return [...lines, summary(answer, paint)];
}

/** Version, size and digest; a digest that is not the kept one is marked. */
function sideCells(row: Difference['ours'], paint: Paint): string[] {
  if (row === undefined) return [paint('dim', 'no row'), '', ''];
  const version = formatPosition(row.version);
  const digest = row.digest.slice(0, digestDigits);
  return [
    row.tombstone ? `${version} deleted` : version,
    `${grouped(row.bytes)} B`,
    row.sound ? digest : paint('red', `${digest} ROTTEN`),
  ];
}

function summary(answer: ExchangeAnswer, paint: Paint): string {
  const { node: a, with: b, shard, outcome, position, reason, counts, differences } = answer;
  const at = position ? ` at ${formatPosition(position)}` : '';
  const more = counts.found > differences.length ? ` (${differences.length} shown)` : '';
  const found = outcome === 'different' ? `: ${grouped(counts.found)} keys${more}` : '';
  const why = outcome === 'equal' || reason === undefined ? '' : `. ${printable(reason)}`;
  const verdict = paint(outcomeStyles[outcome], outcome);
  const cost = `${grouped(counts.bytesReceived)} bytes received`;
  return `shard ${shard}, ${a} and ${b}${at}: ${verdict}${found}, ${cost}${why}`;
}
