/**
 * The store in memory: for tests and for the simulator. Keeps copies, so that nobody changes it from outside.
 */
import { Buffer } from 'node:buffer';
import { LeafDigests } from '@driftless/anti-entropy';
import {
  bucketOf,
  canonicalForm,
  comparePositions,
  type Digest,
  type EpochStart,
  formatDigest,
  type Position,
  type RecordedAnswer,
} from '@driftless/contracts';
import type { Change, LogRow, Orphan, Quarantined } from '../core/change.ts';
import type { CollectableRow, CollectQuery } from '../core/collect.ts';
import type { Entry } from '../core/entry.ts';
import { emptyState, type ReplicaSet, type ShardState } from '../core/state.ts';
import type { Counts, KeptDigest, ListQuery, RowForms, ShardStore, Snapshot } from './port.ts';

interface KeptAnswer {
  answer: RecordedAnswer;
  seq: number;
  keptAt: number;
}

export class MemoryStore implements ShardStore {
  #state: ShardState = emptyState();
  readonly #entries = new Map<string, Entry>();
  /** The keys of each bucket that has some. */
  readonly #buckets = new Map<number, Set<string>>();
  #leaves = new LeafDigests();
  #log: LogRow[] = [];
  #epochs: (EpochStart & { node: string })[] = [];
  #sets: ReplicaSet[] = [];
  readonly #answers = new Map<string, KeptAnswer>();
  readonly #quarantined: Quarantined[] = [];
  #orphans: Orphan[] = [];
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  state(): ShardState {
    return this.#state;
  }

  head(key: string): Entry | undefined {
    return this.get(key);
  }

  get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    return entry && copyOf(entry);
  }

  list({ prefix, after, limit }: ListQuery): Entry[] {
    const matching = [...this.#entries.values()].filter(
      ({ key }) => key.startsWith(prefix) && (after === '' || byBytes(key, after) > 0),
    );
    return matching
      .sort((a, b) => byBytes(a.key, b.key))
      .slice(0, limit)
      .map(copyOf);
  }

  collectable({ throughSeq, expiredBy, limit }: CollectQuery): CollectableRow[] {
    const rows = [...this.#entries.values()].filter(({ seq }) => seq <= throughSeq);
    const deleted = rows.filter(({ tombstone }) => tombstone).sort((a, b) => a.seq - b.seq);
    const expired = rows.filter(
      (row) => !row.tombstone && (row.expiresAt ?? Number.POSITIVE_INFINITY) <= expiredBy,
    );
    expired.sort((a, b) => Number(a.expiresAt) - Number(b.expiresAt) || a.seq - b.seq);
    return [...deleted, ...expired].slice(0, limit).map(({ key, epoch, seq, tombstone, value }) => {
      return { key, version: { epoch, seq }, tombstone, bytes: value.length };
    });
  }

  tombstones(max: number): number {
    return Math.min(max, [...this.#entries.values()].filter(({ tombstone }) => tombstone).length);
  }

  answer(id: string): RecordedAnswer | undefined {
    return this.#answers.get(id)?.answer;
  }

  epochs(): (EpochStart & { node: string })[] {
    return [...this.#epochs];
  }

  sets(): ReplicaSet[] {
    return [...this.#sets];
  }

  *buckets(from: number): Generator<readonly [bucket: number, rows: Entry[]], void> {
    for (const bucket of [...this.#buckets.keys()].sort((a, b) => a - b)) {
      const rows = bucket < from ? [] : this.#rowsOf(bucket);
      if (rows.length > 0) yield [bucket, rows];
    }
  }

  bucketRows(bucket: number): Entry[] {
    return this.#rowsOf(bucket);
  }

  bucketDigests(bucket: number): KeptDigest[] {
    return this.#rowsOf(bucket).map(({ key, seq, digest }) => ({ key, seq, digest: formatDigest(digest) }));
  }

  #rowsOf(bucket: number): Entry[] {
    return [...(this.#buckets.get(bucket) ?? [])].flatMap((key) => this.get(key) ?? []);
  }

  leaves(): LeafDigests {
    return this.#leaves.clone();
  }

  leaf(bucket: number): Digest {
    return this.#leaves.get(bucket);
  }

  leavesRoot(): Digest {
    return this.#leaves.root();
  }

  log(afterSeq: number, bytesMax: number): LogRow[] {
    const rows: LogRow[] = [];
    let bytes = 0;
    for (const row of this.#log.filter(({ firstSeq }) => firstSeq > afterSeq)) {
      bytes += row.event.length;
      if (rows.length > 0 && bytes > bytesMax) break;
      rows.push(copyOfRow(row));
    }
    return rows;
  }

  logAt(firstSeq: number): LogRow | undefined {
    const row = this.#log.find((row) => row.firstSeq === firstSeq);
    return row && copyOfRow(row);
  }

  logEnd(): LogRow | undefined {
    const row = this.#log.at(-1);
    return row && copyOfRow(row);
  }

  logEndSeq(): number {
    return this.#log.at(-1)?.lastSeq ?? 0;
  }

  logRange(): { firstSeq: number; lastSeq: number } | undefined {
    const [first, last] = [this.#log[0], this.#log.at(-1)];
    return first && last && { firstSeq: first.firstSeq, lastSeq: last.lastSeq };
  }

  logBytes(): number {
    return this.#log.reduce((sum, { event }) => sum + event.length, 0);
  }

  trimLog(throughSeq: number, bytesWanted: number): void {
    let bytes = 0;
    const kept = this.#log.findIndex(({ lastSeq, event }) => {
      bytes += event.length;
      return lastSeq > throughSeq || bytes > bytesWanted;
    });
    this.#log.splice(0, kept < 0 ? this.#log.length : kept);
  }

  orphans(): Orphan[] {
    return [...this.#orphans];
  }

  settleOrphan(version: Position, settlement: 'refused' | 'gone'): void {
    const is = (orphan: Orphan): boolean => comparePositions(orphan.version, version) === 0;
    this.#orphans =
      settlement === 'gone'
        ? this.#orphans.filter((orphan) => !is(orphan))
        : this.#orphans.map((orphan) => (is(orphan) ? { ...orphan, offered: true } : orphan));
  }

  quarantined(): Quarantined[] {
    return [...this.#quarantined];
  }

  counts(): Counts {
    return { quarantined: this.#quarantined.length, orphans: this.#orphans.length };
  }

  commit(change: Change): void {
    const { cut, log, epochStart, set } = change;
    if (log && this.logAt(log.firstSeq)) throw new Error('The log has a batch at this seq already.');
    if (epochStart && this.#epochs.some(({ epoch }) => epoch === epochStart.epoch)) {
      throw new Error('This epoch has begun already.');
    }
    if (cut) {
      this.#orphans.push(...cut.orphans);
      this.#log = this.#log.filter((row) => row.lastSeq <= cut.afterSeq);
      this.#epochs = this.#epochs.filter((start) => start.firstSeq <= cut.afterSeq);
      this.#sets = this.#sets.filter(({ seq }) => seq <= cut.afterSeq);
      for (const [id, kept] of this.#answers) if (kept.seq > cut.afterSeq) this.#answers.delete(id);
    }
    for (const key of change.removed) this.#remove(key);
    for (const entry of change.entries) this.#put(copyOf(entry));
    change.leafXors.move(this.#leaves);
    if (log) this.#log.push(copyOfRow(log));
    if (epochStart) this.#epochs.push(epochStart);
    if (set) this.#sets.push(set);
    for (const { answer, version } of change.answers) {
      this.#answers.set(answer.id, { answer, seq: version.seq, keptAt: this.#now() });
    }
    this.#quarantined.push(...change.quarantine);
    this.#state = change.state;
  }

  together<Result>(work: () => Result): Result {
    return work();
  }

  saveState(state: ShardState): void {
    this.#state = state;
  }

  sync(): void {}

  forgetAnswers(before: number, limit: number): void {
    const old = [...this.#answers].filter(([, kept]) => kept.keptAt < before).slice(0, limit);
    for (const [id] of old) this.#answers.delete(id);
  }

  /** Another store with the same contents; `kept`: what it has set aside instead. */
  copy(kept: { orphans?: Orphan[]; quarantined?: Quarantined[] } = {}): MemoryStore {
    const copy = new MemoryStore(this.#now);
    copy.#state = this.#state;
    for (const entry of this.#entries.values()) copy.#put(entry);
    copy.#leaves = this.#leaves.clone();
    copy.#log = [...this.#log];
    copy.#epochs = [...this.#epochs];
    copy.#sets = [...this.#sets];
    for (const [id, answer] of this.#answers) copy.#answers.set(id, answer);
    copy.#quarantined.push(...(kept.quarantined ?? this.#quarantined));
    copy.#orphans = [...(kept.orphans ?? this.#orphans)];
    return copy;
  }

  forms(): RowForms[] {
    const parts = [...this.#entries.values()].flatMap((entry) => [entry.digest, canonicalForm(entry)]);
    return [{ rows: this.#entries.size, bytes: Buffer.concat(parts) }];
  }

  snapshot(): Snapshot {
    const entries = [...this.#entries.values()].sort((a, b) => byBytes(a.key, b.key));
    return { state: this.#state, entries, close: () => {} };
  }

  close(): void {}

  #put(entry: Entry): void {
    const { key } = entry;
    if (!this.#entries.has(key)) {
      const bucket = bucketOf(key);
      this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? new Set()).add(key));
    }
    this.#entries.set(key, entry);
  }

  #remove(key: string): void {
    this.#entries.delete(key);
    this.#buckets.get(bucketOf(key))?.delete(key);
  }
}

/** `slice` of a Buffer would share its memory. */
function copyOf(entry: Entry): Entry {
  return { ...entry, value: new Uint8Array(entry.value), digest: new Uint8Array(entry.digest) };
}

function copyOfRow(row: LogRow): LogRow {
  return { ...row, event: new Uint8Array(row.event) };
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
