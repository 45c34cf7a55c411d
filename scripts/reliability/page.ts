/** docs/reliability.md, from rows of results. */
import { markdownTable } from 'markdown-table';

/** One fault and what came of all its runs. */
export interface ReliabilityRow {
  kind: 'real' | 'simulation';
  fault: string;
  invariant: string;
  runs: number;
  /** Judged by the checkers. */
  operations: number;
  /** Runs in which something was violated. */
  violations: number;
  /** Longest time without an acknowledged write in some shard. Virtual in a simulation. */
  worstRecoveryMs: number;
}

export interface RealRow extends ReliabilityRow {
  kind: 'real';
  family: string;
  /** Runs in which a checker could not decide something. */
  undecided: number;
  worstConvergeMs: number;
  /** Facts that each checker judged. */
  checked: Record<string, number>;
}

/** What `npm run bench:heal` found with the most keys. Milliseconds. */
export interface Healing {
  keys: number;
  differing: number;
  repeats: number;
  detectMs: { p50: number; p99: number };
  healMs: { p50: number; p99: number };
}

const count = new Intl.NumberFormat('en-US');
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

export function reliabilityPage(
  real: readonly RealRow[],
  simulated: readonly ReliabilityRow[],
  skipped: readonly string[],
  healing: Healing | undefined,
): string {
  const all = [...real, ...simulated];
  const operations = count.format(sum(all.map((row) => row.operations)));
  const violated = sum(all.map((row) => row.violations));
  return [
    introduction,
    `\n${count.format(sum(all.map(({ runs }) => runs)))} runs, ${operations} operations judged, `,
    `**${violated} runs with a violation**.\n`,
    realSection(real, skipped),
    simulated.length > 0 ? simulatedSection(simulated) : '',
    healing ? healingSection(healing) : '',
    checkersSection(real),
    findings,
  ].join('');
}

const introduction = `# Reliability

<!-- Made by \`npm run reliability\` from the results in \`docs/reliability/\`. -->

Nothing that was acknowledged is lost, whatever fails: this page says how that was tried, and what came of it.
`;

function realSection(rows: readonly RealRow[], skipped: readonly string[]): string {
  const head = [
    'Fault',
    'What must hold',
    'Runs',
    'Operations',
    'Violated',
    'Undecided',
    'Writes again',
    'Equal',
  ];
  const body = rows.map((row) => [
    row.fault,
    row.invariant,
    String(row.runs),
    count.format(row.operations),
    String(row.violations),
    String(row.undecided),
    seconds(row.worstRecoveryMs),
    seconds(row.worstConvergeMs),
  ]);
  const lines = skipped.map((line) => `- ${line}\n`).join('');
  const notes = lines === '' ? '' : `\nNot run for these results:\n\n${lines}`;
  return `
## Real faults

Real processes: a gateway, three store nodes with four shards, one or three nats-servers, at the defaults
(but for what a fault needs, see its cluster in \`test/faults/table/\`). In a run, sessions put, delete,
change under conditions, count and read at all levels, up to 250 operations a second, while the fault
happens and after it. Then all 13 checkers judge the history, replicas are compared with each other row by
row, and roots are recomputed from the rows. A shard that takes longer than its bound to take writes
again, or replicas that take longer to be equal, count as violations, as does whatever a checker cannot
explain. \`npm run test:faults\` runs them.

Runs add up over versions. What a run finds is mended, and what was run of that fault since the last sum is
run again: the table counts what came after.

"Writes again" is the longest pause of any shard in any run, from the fault's beginning where it must be
masked, from its end where nobody could write while it lasted; "equal" the longest time from the last
write, or the fault's end, to equal roots on all replicas.

${markdownTable([head, ...body])}
${notes}`;
}

function simulatedSection(rows: readonly ReliabilityRow[]): string {
  const head = ['Faults', 'What must hold', 'Seeds', 'Operations', 'Violated', 'Writes again (virtual)'];
  const body = rows.map(({ fault, invariant, runs, operations, violations, worstRecoveryMs }) => [
    fault,
    invariant,
    count.format(runs),
    count.format(operations),
    String(violations),
    seconds(worstRecoveryMs),
  ]);
  return `
## Simulation

The same nodes and the same gateway on a modelled JetStream, network, disks and clocks, all from one seed.

${markdownTable([head, ...body])}
`;
}

function healingSection({ keys, differing, repeats, detectMs, healMs }: Healing): string {
  const rows = [
    ['', 'p50', 'p99'],
    ['Found, from the next write of the shard on', `${detectMs.p50} ms`, `${detectMs.p99} ms`],
    ['Healed and proven equal, from the order on', `${healMs.p50} ms`, `${healMs.p99} ms`],
  ];
  return `
## Time to find drift, and to heal it

A follower with other values under ${count.format(differing)} of ${count.format(keys)} keys, ${repeats} times
in one run of \`npm run bench:heal\` (\`docs/heal-cost.md\` has the rest). Where nobody writes, drift is found
by the next scheduled round instead, and damage that no tree can tell by the scrub.

${markdownTable(rows)}
`;
}

function checkersSection(rows: readonly RealRow[]): string {
  const names = [...new Set(rows.flatMap(({ checked }) => Object.keys(checked)))];
  const facts = names.map((name) => [name, count.format(sum(rows.map(({ checked }) => checked[name] ?? 0)))]);
  return `
## What the checkers judged in the real runs

Facts that could have been wrong: operations, rows, positions, logs. What each checker means stands in
\`packages/checkers/src/core/SPEC.md\`.

${markdownTable([['Checker', 'Facts'], ...facts])}
`;
}

const findings = `
## Found by these runs, and mended

- A read that waited to be confirmed (\`leader\`, \`strong\`, \`session\`, \`bounded\`), or was asked for
  together with one, told the position of the replica when it answered and not when it read: the value was
  right, the position too new. Named by \`positions\`.
- A node whose file SQLite cannot read did not start any more. It is set aside, and peers fill a new one.
- A scrub that found damage only said so. Now the replica goes out of service, and a snapshot takes its
  place.
- With NATS connected but without a quorum of JetStream, \`ack=leader\` was refused.
- A node that started while JetStream had no quorum ended. It waits now.
- A failed sync did not end the process when a candidate's commit met it.
- A leader that was asked to hand over let go of what the stream had not confirmed when NATS was lost in that
  moment, and nobody took \`ack=leader\`.
- A refusal that rested on state which was not confirmed in time was told as final.
- Streams with copies: a publish of a deposed leader that nats-server refused by its expected message id ended
  the stream on all servers. There nothing is pipelined any more, and no message id is expected.
- A candidate waited for events that were given out and lost on the way until JetStream gave them out again,
  30 s later. It consumes anew after a second.
- A listing by a replica that had not heard of an epoch which the session knew showed what was rolled back
  later, and the session was not told.
- A node seconds away from NATS claimed a lease, had it, and never heard so in time: it claimed again and
  again, kept the lease from everybody, and the shard had no leader for six minutes. Leaderships were even
  handed to it. It stands back now after a claim without an answer, tells how far NATS is, and is given none.
- A replica whose file was set aside led again itself, and fetched what it needed for that while nobody led.
  It leaves the lead to the others now.
- A flipped bit in the text of a file's schema left SQL that SQLite takes and ours does not fit: the node did
  not start any more. Such a file is set aside now.
- Writes that were put off until the stream confirms could be published before others that a look at the
  stream had just called for again; the stream refused them, and they were published once more.
`;
