/**
 * Compares what the replicas of a shard hold: every row, every field, side by side in key order, with one row
 * of each replica in memory. Beside that it recomputes, from the rows' own bytes, each entry's digest and
 * their XOR, which must be the root that the replica claims. So a replica is not believed about itself, and
 * neither is the hash: rows are compared as they are.
 */
import {
  comparePositions,
  type Digest,
  type DumpHead,
  type DumpRow,
  entryDigest,
  formatDigest,
  formatPosition,
  xorInto,
  zeroDigest,
} from '@driftless/contracts';

/** Differing keys that are named; all are counted. */
export const differencesNamedMax = 10;

export interface ReplicaDump {
  node: string;
  head: DumpHead;
  rows: AsyncIterator<DumpRow>;
}

export interface ReplicaContents {
  node: string;
  rows: number;
  tombstones: number;
  /** Root that the replica keeps, and the one that its rows have. */
  keptRoot: string;
  rowsRoot: string;
}

export interface Difference {
  key: string;
  /** What each replica holds under the key, in the order of the replicas. */
  holds: string[];
}

export interface Comparison {
  replicas: ReplicaContents[];
  keys: number;
  differing: number;
  /** The first differing keys, `differencesNamedMax` at most. */
  differences: Difference[];
}

/** True when dumps are of the same moment: only then does a difference mean something. */
export function atOnePosition(heads: readonly DumpHead[]): boolean {
  const first = heads[0];
  return heads.every(({ position }) => first && comparePositions(position, first.position) === 0);
}

/** Reads all dumps to their end. Throws when one of them isn't in key order, for then nothing can be said. */
export async function compareDumps(dumps: readonly ReplicaDump[]): Promise<Comparison> {
  const cursors = dumps.map((dump) => new Cursor(dump));
  await Promise.all(cursors.map((cursor) => cursor.next()));
  const comparison: Comparison = { replicas: [], keys: 0, differing: 0, differences: [] };
  for (;;) {
    const key = lowestKey(cursors);
    if (key === undefined) break;
    const rows = cursors.map(({ row }) => (row?.key === key ? row : undefined));
    comparison.keys += 1;
    if (!rows.every((row) => sameRow(row, rows[0]))) {
      comparison.differing += 1;
      if (comparison.differences.length < differencesNamedMax) {
        comparison.differences.push({ key, holds: describe(rows) });
      }
    }
    for (const [i, cursor] of cursors.entries()) if (rows[i] !== undefined) await cursor.next();
  }
  comparison.replicas = cursors.map((cursor) => cursor.contents());
  return comparison;
}

/** The rows of one replica, one at a time, with the root of those that passed. */
class Cursor {
  row: DumpRow | undefined;
  readonly #dump: ReplicaDump;
  readonly #root: Digest = zeroDigest();
  #rows = 0;
  #tombstones = 0;
  constructor(dump: ReplicaDump) {
    this.#dump = dump;
  }

  async next(): Promise<void> {
    const before = this.row?.key;
    const result = await this.#dump.rows.next();
    this.row = result.done ? undefined : result.value;
    if (this.row === undefined) return;
    if (before !== undefined && compareKeys(before, this.row.key) >= 0) {
      throw new Error(`${this.#dump.node} does not send its rows in key order`);
    }
    this.#rows += 1;
    if (this.row.tombstone) this.#tombstones += 1;
    xorInto(this.#root, digestOf(this.row));
  }

  contents(): ReplicaContents {
    const { node, head } = this.#dump;
    const rowsRoot = formatDigest(this.#root);
    return { node, rows: this.#rows, tombstones: this.#tombstones, keptRoot: head.root, rowsRoot };
  }
}

function digestOf({ key, version, tombstone, type, expiresAt, value }: DumpRow): Digest {
  const bytes = Buffer.from(value, 'base64');
  return entryDigest({ key, ...version, tombstone, contentType: type, expiresAt, value: bytes });
}

/** Keys are ordered by their UTF-8 bytes, as SQLite does; JavaScript's own order differs past U+FFFF. */
function compareKeys(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function lowestKey(cursors: readonly Cursor[]): string | undefined {
  let lowest: string | undefined;
  for (const { row } of cursors) {
    if (row === undefined || row.key === lowest) continue;
    if (lowest === undefined || compareKeys(row.key, lowest) < 0) lowest = row.key;
  }
  return lowest;
}

function sameRow(a: DumpRow | undefined, b: DumpRow | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return (
    a.value === b.value &&
    comparePositions(a.version, b.version) === 0 &&
    a.tombstone === b.tombstone &&
    a.type === b.type &&
    a.expiresAt === b.expiresAt
  );
}

function describe(rows: readonly (DumpRow | undefined)[]): string[] {
  return rows.map((row) => {
    if (row === undefined) return 'nothing';
    const what = row.tombstone ? 'a tombstone' : `${Buffer.byteLength(row.value, 'base64')} bytes`;
    const expiry = row.expiresAt === null ? '' : `, expires ${new Date(row.expiresAt).toISOString()}`;
    const digest = formatDigest(digestOf(row)).slice(0, 8);
    return `${what} at ${formatPosition(row.version)} (${row.type || 'no type'}, digest ${digest}${expiry})`;
  });
}
