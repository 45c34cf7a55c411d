/**
 * The truth of a shard for tests: what its leaders wrote, batch after batch, and the rows that it leads to. A
 * replica that applied a batch must have the rows and the root that stand here.
 */
import {
  type Digest,
  type DigestInput,
  type EpochStart,
  entryDigest,
  formatDigest,
  type Position,
  xorDigest,
  zeroDigest,
} from '@driftless/contracts';

/** A row as it is kept: its bytes, and the digest beside them. */
export interface Row {
  entry: DigestInput;
  digest: Digest;
}
export type Rows = ReadonlyMap<string, Row>;

/** A put, or a delete where there is no value. */
export interface Write {
  key: string;
  value?: string;
}

export interface Batch {
  epoch: number;
  firstSeq: number;
  lastSeq: number;
  written: Row[];
  /** Keys whose rows a collection took away. */
  collected: string[];
  startsEpoch: boolean;
  postRoot: Digest;
}

export class History {
  readonly batches: Batch[] = [];
  /** After each batch: the rows, and that is what they are for good. */
  readonly #rows: Rows[] = [];
  #root = zeroDigest();
  epoch = 0;
  #seq = 0;

  constructor() {
    this.startEpoch();
  }

  get position(): Position {
    return { epoch: this.epoch, seq: this.#seq };
  }

  get rows(): Rows {
    return this.#rows.at(-1) ?? new Map();
  }

  get epochs(): EpochStart[] {
    return this.batches.flatMap(({ startsEpoch, epoch, firstSeq }) =>
      startsEpoch ? [{ epoch, firstSeq }] : [],
    );
  }

  /** The rows at a seq that a batch ended with. */
  rowsAt(seq: number): Rows {
    const rows = this.#rows[this.batches.findIndex(({ lastSeq }) => lastSeq === seq)];
    if (!rows) throw new Error(`No batch ends at ${seq}.`);
    return rows;
  }

  /** The root that these rows would lead to. */
  rootWith(rows: readonly Row[]): Digest {
    const before = rows.map(({ entry }) => this.rows.get(entry.key)?.digest ?? zeroDigest());
    return [...before, ...rows.map(({ digest }) => digest)].reduce(xorDigest, this.#root);
  }

  write(writes: readonly Write[]): void {
    const written = writes.map(({ key, value }, i) =>
      rowOf(key, value, { epoch: this.epoch, seq: this.#seq + 1 + i }),
    );
    this.#append({ written, seqs: writes.length });
  }

  startEpoch(): void {
    this.epoch += 1;
    this.#append({ startsEpoch: true, seqs: 1 });
  }

  /** One operation that takes all tombstones away. */
  collect(): void {
    const collected = [...this.rows.values()].flatMap(({ entry }) => (entry.tombstone ? [entry.key] : []));
    this.#append({ collected, seqs: 1 });
  }

  #append({ written = [], collected = [], startsEpoch = false, seqs }: Appended): void {
    const rows = new Map(this.rows);
    for (const row of written) this.#set(rows, row.entry.key, row);
    for (const key of collected) this.#set(rows, key, undefined);
    const firstSeq = this.#seq + 1;
    this.#seq += seqs;
    this.batches.push({
      epoch: this.epoch,
      firstSeq,
      lastSeq: this.#seq,
      written,
      collected,
      startsEpoch,
      postRoot: this.#root,
    });
    this.#rows.push(rows);
  }

  #set(rows: Map<string, Row>, key: string, row: Row | undefined): void {
    const before = rows.get(key)?.digest ?? zeroDigest();
    this.#root = xorDigest(this.#root, xorDigest(before, row?.digest ?? zeroDigest()));
    if (row) rows.set(key, row);
    else rows.delete(key);
  }
}

interface Appended {
  written?: Row[];
  collected?: string[];
  startsEpoch?: boolean;
  seqs: number;
}

export function rowOf(key: string, value: string | undefined, version: Position): Row {
  const entry = {
    key,
    ...version,
    tombstone: value === undefined,
    value: Buffer.from(value ?? ''),
    contentType: '',
    expiresAt: null,
  };
  return { entry, digest: entryDigest(entry) };
}

export function versionOf({ entry: { epoch, seq } }: Row): Position {
  return { epoch, seq };
}

/** All of a row, to compare it with another. */
export function textOf(row: Row | undefined): string {
  if (!row) return 'none';
  const { epoch, seq, tombstone, value } = row.entry;
  const bytes = Buffer.from(value).toString('hex');
  return `${epoch}-${seq} ${tombstone} ${bytes} ${formatDigest(row.digest)}`;
}
