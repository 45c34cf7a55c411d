/**
 * A replica in memory for tests, with every question of the ports and every way to drift. It does what a node
 * does, in the plainest way: rows in a map, a leaf a bucket, roots recomputed. While a question is on its
 * way the world goes on: `pause` lets it.
 */
import {
  bucketOf,
  type Digest,
  entryDigest,
  equalDigest,
  formatDigest,
  type Position,
  parseDigest,
  type RowHead,
  rowHash,
  xorDigest,
  zeroDigest,
} from '@driftless/contracts';
import { isAhead, isOrphan } from '../decide.ts';
import { LeafDigests } from '../leaf-digests.ts';
import { merkleRoot, node } from '../merkle.ts';
import { isBrokenBy } from '../mutants.ts';
import { packRows } from '../pair-rows.ts';
import type {
  BucketRows,
  Capture,
  Heads,
  Listing,
  Missed,
  OurReplica,
  Peer,
  Repair,
  Repaired,
  Wanted,
} from '../ports.ts';
import type { Batch, Row } from './history.ts';

/** Captures that are waited for. */
interface Waiting {
  atSeq: number;
  capture?: Capture;
}

export class MemoryReplica implements OurReplica {
  readonly rows = new Map<string, Row>();
  tree = new LeafDigests();
  readonly quarantine: Row[] = [];
  readonly stopped = new Set<string>();
  /** What `repair` did, in order. */
  readonly repaired: Repair[] = [];
  #applied: Position = { epoch: 0, seq: 0 };
  #stamped = zeroDigest();
  #collectedSeq = 0;
  /** Buckets in which a head was found rotten. */
  readonly #suspects = new Set<number>();
  readonly #epochs: { epoch: number; firstSeq: number }[] = [];
  readonly #captures = new Map<string, LeafDigests>();
  readonly #waiting = new Set<Waiting>();
  readonly #pause: () => Promise<void>;
  /** Where repairs get values from. */
  peer: MemoryReplica | undefined;

  constructor(pause: () => Promise<void> = async () => undefined) {
    this.#pause = pause;
  }

  /** The next batch; `skips`: the cursor moves, the rows do not. */
  apply(batch: Batch, skips = false): void {
    if (batch.firstSeq !== this.#applied.seq + 1) throw new Error('A batch is missing.');
    for (const row of skips ? [] : batch.written) this.#set(row.entry.key, row);
    for (const key of skips ? [] : batch.collected) this.#set(key, undefined);
    if (batch.collected.length > 0) this.#collectedSeq = batch.lastSeq;
    if (batch.startsEpoch) this.#epochs.push({ epoch: batch.epoch, firstSeq: batch.firstSeq });
    this.#applied = { epoch: batch.epoch, seq: batch.lastSeq };
    this.#stamped = batch.postRoot;
    for (const waiting of this.#waiting) {
      if (waiting.atSeq <= batch.lastSeq) waiting.capture ??= this.#captureNow();
    }
  }

  position(): Position {
    return this.#applied;
  }

  get drift(): Digest {
    return xorDigest(this.tree.root(), this.#stamped);
  }

  epochs(): readonly { epoch: number; firstSeq: number }[] {
    return this.#epochs;
  }

  isStopped(key: string): boolean {
    return this.stopped.has(key);
  }

  async capture(atSeq: number, waitMs: number): Promise<Capture | Missed> {
    await this.#pause();
    if (this.#applied.seq === atSeq) return this.#captureNow();
    if (this.#applied.seq > atSeq) return { reason: 'passed', position: this.#applied };
    const waiting: Waiting = { atSeq };
    this.#waiting.add(waiting);
    for (let turns = waitMs; turns > 0 && !waiting.capture; turns -= 1) await this.#pause();
    this.#waiting.delete(waiting);
    return waiting.capture ?? { reason: 'not-reached', position: this.#applied };
  }

  #captureNow(): Capture {
    const id = String(this.#captures.size);
    const leaves = this.tree.clone();
    this.#captures.set(id, leaves);
    const root = leaves.root();
    const drift = xorDigest(root, this.#stamped);
    return { id, position: this.#applied, root, tree: merkleRoot(leaves), drift };
  }

  leaves(capture: string): LeafDigests | undefined {
    return this.#captures.get(capture);
  }

  async buckets(buckets: readonly number[], { throughSeq, audit }: Listing): Promise<BucketRows[]> {
    await this.#pause();
    return buckets.map((bucket) => {
      const isAudited = audit || this.#suspects.has(bucket) || !this.#hasLeaf(bucket);
      const isListed = (row: Row): boolean =>
        row.entry.seq <= throughSeq || row.entry.seq > this.#applied.seq;
      const rows = this.#rowsOf(bucket)
        .filter(isListed)
        .map(({ entry, digest }) => {
          return rowHash(entry.key) + formatDigest(isAudited ? entryDigest(entry) : digest);
        });
      return { bucket, rows: packRows(rows), sound: !isAudited || this.isSound(bucket) };
    });
  }

  isSound(bucket: number): boolean {
    return this.#rowsOf(bucket).every(hasItsDigest) && this.#hasLeaf(bucket);
  }

  #hasLeaf(bucket: number): boolean {
    return equalDigest(this.#sumOf(this.#rowsOf(bucket)), this.tree.get(bucket));
  }

  async heads(wanted: readonly Wanted[]): Promise<Heads> {
    await this.#pause();
    const hashes = new Set(wanted.flatMap(({ hashes }) => hashes));
    const rows = [...this.rows.values()].filter(({ entry }) => hashes.has(rowHash(entry.key)));
    for (const row of rows) if (!hasItsDigest(row)) this.#suspects.add(bucketOf(row.entry.key));
    return { position: this.#applied, collectedSeq: this.#collectedSeq, rows: rows.map(headOf) };
  }

  async repair(buckets: readonly number[], repairs: readonly Repair[]): Promise<Repaired> {
    let healed = 0;
    let bytesShipped = 0;
    for (const bucket of buckets) {
      const mine = repairs.filter((repair) => repair.bucket === bucket);
      await this.#pause();
      // Values are fetched; then, in one step, rows and leaf are changed.
      const theirs = mine.map(({ key, theirs }) => (theirs ? this.peer?.rows.get(key) : undefined));
      await this.#pause();
      for (const [i, repair] of mine.entries()) {
        const row = theirs[i];
        bytesShipped += row?.entry.value.length ?? 0;
        if (!this.#isAsListed(repair) || (repair.theirs && !this.#mayTake(repair.theirs, row))) continue;
        this.#overwrite(repair, row);
        healed += 1;
      }
      if (!isBrokenBy('forget-tree-in-repair')) this.tree.set(bucket, this.#sumOf(this.#rowsOf(bucket)));
    }
    return { healed, bytesShipped };
  }

  #isAsListed({ key, ours }: Repair): boolean {
    const row = this.rows.get(key);
    return row && ours ? equalDigest(entryDigest(row.entry), ours) : !row && !ours;
  }

  #mayTake(listed: Pick<RowHead, 'version' | 'digest'>, row: Row | undefined): boolean {
    if (!row || !equalDigest(entryDigest(row.entry), parseDigest(listed.digest))) return false;
    return !isAhead(listed.version, this.#applied) && !isOrphan(listed.version, this.#epochs);
  }

  #overwrite(repair: Repair, row: Row | undefined): void {
    const before = this.rows.get(repair.key);
    if (before) this.quarantine.push(before);
    if (row) this.rows.set(repair.key, { entry: row.entry, digest: entryDigest(row.entry) });
    else this.rows.delete(repair.key);
    this.repaired.push(repair);
  }

  /** A write: the row, and the leaf along with it. */
  #set(key: string, row: Row | undefined): void {
    const before = this.rows.get(key)?.digest ?? zeroDigest();
    this.tree.xor(bucketOf(key), xorDigest(before, row?.digest ?? zeroDigest()));
    if (row) this.rows.set(key, row);
    else this.rows.delete(key);
  }

  #rowsOf(bucket: number): Row[] {
    return [...this.rows.values()].filter(({ entry }) => bucketOf(entry.key) === bucket);
  }

  #sumOf(rows: readonly Row[]): Digest {
    return rows.map(({ digest }) => digest).reduce(xorDigest, zeroDigest());
  }

  /** Nodes of a captured tree, as a peer asks for them. */
  async nodes(capture: string, level: number, indexes: readonly number[]): Promise<Digest[]> {
    await this.#pause();
    const leaves = this.#captures.get(capture);
    if (!leaves) throw new Error('This capture is not kept any more.');
    return indexes.map((index) => node(leaves, level, index));
  }
}

function hasItsDigest({ entry, digest }: Row): boolean {
  return equalDigest(entryDigest(entry), digest);
}

function headOf({ entry, digest: kept }: Row): RowHead {
  const digest = entryDigest(entry);
  const { key, epoch, seq, tombstone, value } = entry;
  return {
    key,
    version: { epoch, seq },
    digest: formatDigest(digest),
    sound: equalDigest(digest, kept),
    tombstone,
    bytes: value.length,
  };
}

/** A replica as a peer sees it: its answers are counted by their bytes, and `isAway` makes it silent. */
export function asPeer(replica: MemoryReplica, isAway: () => boolean = () => false): Peer {
  let bytesReceived = 0;
  const send = async <T>(answer: Promise<T>, bytesOf: (answer: T) => number): Promise<T> => {
    const sent = await answer;
    if (isAway()) throw new Error('no route');
    bytesReceived += bytesOf(sent);
    return sent;
  };
  const asText = (answer: unknown): number => JSON.stringify(answer, hexDigests).length;
  return {
    get bytesReceived() {
      return bytesReceived;
    },
    capture: (atSeq, waitMs) => send(replica.capture(atSeq, waitMs), asText),
    nodes: (capture, level, indexes) =>
      send(replica.nodes(capture, level, indexes), (nodes) => 16 * nodes.length),
    buckets: (buckets, listing) =>
      send(replica.buckets(buckets, listing), (listed) =>
        listed.reduce((sum, { rows }) => sum + 40 + rows.length, 0),
      ),
    heads: (wanted) => send(replica.heads(wanted), asText),
  };
}

function hexDigests(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? formatDigest(value) : value;
}
